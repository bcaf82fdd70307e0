"""Split tables: which subject of a data set serves for training, validation or test."""

import functools
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from zsad_core.errors import SettingError
from zsad_core.types import Split

PARTS: tuple[Split, ...] = ("train", "validation", "test")
LEFT_OUT: Split = "extra"  # the part of a subject that a table does not name
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
BIDS_SUBJECT = re.compile(r"(?:^|[/_])(sub-[A-Za-z0-9]+)(?=[/_]|$)")
TIME_POINT = re.compile(r"(.*\d)-\d{1,4}")


@dataclass(frozen=True)
class Fold:
    """Ids of the subjects of each part, ascending."""

    train: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()

    def parts(self) -> Iterator[tuple[Split, tuple[str, ...]]]:
        """Each part with its subjects."""
        yield from zip(PARTS, (self.train, self.validation, self.test), strict=True)

    def part_of(self) -> dict[str, Split]:
        """The part of each subject."""
        return {subject: part for part, subjects in self.parts() for subject in subjects}

    @property
    def digest(self) -> str:
        """SHA-256 of the parts: folds of one digest divide alike, whatever they are called."""
        parts = {part: sorted(subjects) for part, subjects in self.parts()}
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class SplitTable:
    """A named split of a data set; several `folds` divide the same subjects in other ways.

    `origin` says in words how it came about, `copies` which scans have equal voxels, by id, as far
    as that was looked at. A data set uses one fold: "NAME" of a table with one, "NAME/1", "NAME/2",
    … of a table with several.
    """

    name: str
    folds: tuple[Fold, ...]
    origin: str = ""
    copies: tuple[tuple[str, ...], ...] = ()

    @property
    def uses(self) -> tuple[str, ...]:
        """The names under which a data set uses it, one a fold."""
        if len(self.folds) == 1:
            return (self.name,)
        return tuple(f"{self.name}/{number}" for number in range(1, len(self.folds) + 1))

    def fold(self, use: str) -> Fold:
        """The fold of one of the `uses`; raises SettingError."""
        if use not in self.uses:
            raise SettingError(
                f"The split '{self.name}' has no fold '{use}'; choose one of "
                f"{', '.join(self.uses)}."
            )
        return self.folds[self.uses.index(use)]

    def patient(self, subject: str) -> str:
        """The patient of a subject; of patients who share copies of scans, the first id for all.

        >>> table = SplitTable("cv", (), copies=(("P-1-000", "Q-7-000"), ("Q-7-002", "R-2-000")))
        >>> table.patient("R-2-001"), table.patient("S-3-000")
        ('P-1', 'S-3')
        """
        return self._first.get(patient := patient_of(subject), patient)

    def shares_patient(self, subject: str, others: Collection[str]) -> bool:
        """Whether the patient of a subject is that of another, or lies there under another id."""
        return self.patient(subject) in map(self.patient, others)

    @functools.cached_property
    def _first(self) -> dict[str, str]:
        """By patient the first id of those who share copies of scans with each other."""
        return first_ids({*map(patient_of, names)} for names in self.copies)


def first_ids(groups: Iterable[set[str]]) -> dict[str, str]:
    """By id the first one of its group, where groups that share an id are one.

    >>> first_ids([{"b", "c"}, {"d", "e"}, {"a", "c"}])
    {'d': 'd', 'e': 'd', 'a': 'a', 'b': 'a', 'c': 'a'}
    """
    joined: list[set[str]] = []
    for ids in groups:
        whole = {*ids}
        for group in [group for group in joined if group & ids]:
            joined.remove(group)
            whole |= group
        joined.append(whole)
    return {one: min(group) for group in joined for one in sorted(group)}


def patient_of(subject: str) -> str:
    """The patient of a subject's id: BraTS's without the number of the time point, BIDS's `sub-`.

    Any other id is a patient by itself.

    >>> patient_of("BraTS-MET-00013-001"), patient_of("BraTS2021_00013")
    ('BraTS-MET-00013', 'BraTS2021_00013')
    >>> patient_of("siteA/sub-07/ses-2/anat/sub-07_ses-2_FLAIR")
    'sub-07'
    """
    if bids := BIDS_SUBJECT.search(subject):
        return bids[1]
    time_point = TIME_POINT.fullmatch(subject)
    return time_point[1] if time_point else subject


def check_table(
    table: SplitTable, subjects: Collection[str], voxels: Mapping[str, str] | None = None
) -> None:
    """Raise SettingError for a table that cannot divide these subjects honestly.

    `voxels` are digests of the subjects' voxels, where they are known. Time points of a patient,
    and scans of equal voxels, stand in one part of each fold or in none.
    """
    if not NAME.fullmatch(table.name):
        raise SettingError(
            f"The name '{table.name}' cannot be used for a split; give up to 40 letters, digits, "
            "dots, dashes or underscores, the first a letter or digit."
        )
    if not table.folds or not all(fold.part_of() for fold in table.folds):
        raise SettingError(f"The split '{table.name}' names no subject; add some.")
    for fold in table.folds:
        _check_names(table.name, fold, subjects)
        part_of = fold.part_of()
        check_groups(part_of, {name: patient_of(name) for name in part_of}, "one patient")
        if voxels:
            equal = {name: voxels[name] for name in part_of if name in voxels}
            check_groups(part_of, equal, "scans of equal voxels")


def _check_names(table: str, fold: Fold, subjects: Collection[str]) -> None:
    part_of: dict[str, Split] = {}
    for part, names in fold.parts():
        for name in names:
            if name not in subjects:
                raise SettingError(
                    f"The split '{table}' names '{name}', which is no subject of these data; "
                    "correct the id or leave it out."
                )
            if name in part_of:
                raise SettingError(
                    f"The split '{table}' has {name} in {part_of[name]} and in {part}; "
                    "keep it in one."
                )
            part_of[name] = part


def check_groups(part_of: Mapping[str, Split], groups: Mapping[str, str], what: str) -> None:
    """Raise SettingError for two subjects of a group that stand in two parts; `what` names them."""
    first: dict[str, str] = {}
    for name, group in sorted(groups.items()):
        other = first.setdefault(group, name)
        if part_of[other] != part_of[name]:
            raise SettingError(
                f"{other} ({part_of[other]}) and {name} ({part_of[name]}) are {what}; "
                "put both into the same part."
            )
