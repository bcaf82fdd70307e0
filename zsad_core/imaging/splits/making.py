"""Splits drawn at random: patients stay whole, and parts are alike in what is to be balanced."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from zsad_core.base.wording import counted
from zsad_core.errors import SettingError
from zsad_core.imaging.splits.facts import ScanFacts, scan_facts
from zsad_core.imaging.splits.tables import PARTS, Fold, SplitTable, check_table, patient_of
from zsad_core.types import Progress, Subject

if TYPE_CHECKING:  # it imports splits
    from zsad_core.imaging.datasets import Dataset

By = Literal["patient", "site"]
Balance = Literal["site", "lesion-volume"]
BALANCES: tuple[Balance, ...] = get_args(Balance)
SIZES = 3  # classes of lesion volume


@dataclass(frozen=True)
class Draw:
    """How to draw: shares of train, validation and test in percent, and the seed.

    `by` says what stays whole: patients, or sites with all their patients. With several `folds` the
    test part is the same in all, and each of the others serves once for validation.
    """

    shares: tuple[float, float, float] = (60, 10, 30)
    seed: int = 0
    by: By = "patient"
    balance: tuple[Balance, ...] = ()
    folds: int = 1

    def __str__(self) -> str:
        shares = "/".join(f"{share:g}" for share in self.shares)
        balance = f", balanced by {' and '.join(self.balance)}" if self.balance else ""
        folds = f", {self.folds} folds" if self.folds > 1 else ""
        return f"drawn {shares} by {self.by}, seed {self.seed}{balance}{folds}"


_WORDS = re.compile(
    r"drawn ([\d.]+)/([\d.]+)/([\d.]+) by (patient|site), seed (-?\d+)"
    r"(?:, balanced by ([a-z -]+))?(?:, (\d+) folds)?"
)


def draw_of(origin: str) -> Draw | None:
    """The draw of a split by its origin in words; None of one that was read or edited.

    >>> draw = Draw((50, 20, 30), 3, "site", ("site", "lesion-volume"), 5)
    >>> draw_of(str(draw)) == draw, draw_of(f"{draw}, edited")
    (True, None)
    """
    match = _WORDS.fullmatch(origin)
    if match is None:
        return None
    *shares, by, seed, balance, folds = match.groups()
    balanced = tuple(name for name in BALANCES if name in (balance or "").split(" and "))
    first, second, third = map(float, shares)
    return Draw((first, second, third), int(seed), cast(By, by), balanced, int(folds or 1))


@dataclass(frozen=True)
class _Group:
    """Subjects that stay together, and what they are balanced by."""

    subjects: tuple[str, ...]
    stratum: tuple[str, ...]


def check_draw(draw: Draw) -> None:
    """Raise SettingError for shares or a number of folds that nothing can be drawn by."""
    train, validation, _ = draw.shares
    if min(draw.shares) < 0 or not np.isclose(sum(draw.shares), 100):
        raise SettingError(
            f"The shares {'/'.join(f'{share:g}' for share in draw.shares)} do not add up to 100; "
            "give train/validation/test in percent, such as 60/10/30."
        )
    if not train + validation:
        raise SettingError("Nothing is left for training or validation; lower the share of test.")
    if draw.folds < 1:
        raise SettingError(f"{draw.folds} folds cannot be made; give 1 or more.")


def draw_folds(
    subjects: Sequence[Subject], facts: Mapping[str, ScanFacts], draw: Draw
) -> tuple[Fold, ...]:
    """Divide the usable subjects; equal draws divide equal subjects alike.

    `facts` keep scans of equal voxels together and tell lesion volumes. Raises SettingError where
    there are fewer groups than parts.
    """
    check_draw(draw)
    usable = [subject for subject in subjects if not subject.problem]
    groups = _groups(usable, facts, draw)
    shares = np.array(draw.shares) / 100
    if draw.folds == 1:
        return (_fold(_divide(groups, shares, PARTS, draw)),)
    rest_and_test = np.array([1 - shares[2], shares[2]])
    remainder, test = _divide(groups, rest_and_test, ("train and validation", "test"), draw)
    names = [f"fold {number}" for number in range(1, draw.folds + 1)]
    held_out = _divide(remainder, np.full(draw.folds, 1 / draw.folds), names, draw)
    return tuple(
        _fold(([group for fold in held_out if fold is not part for group in fold], part, test))
        for part in held_out
    )


def checked_table(
    scans: "Dataset", name: str, source: Draw | SplitTable, progress: Progress | None = None
) -> tuple[SplitTable, dict[str, ScanFacts]]:
    """A split as it is drawn or given, checked for leaks; and what was read of the scans for it.

    Raises SettingError.
    """
    facts = scan_facts(scans, progress)
    subjects = scans.subjects()
    if isinstance(source, Draw):
        table = SplitTable(name, draw_folds(subjects, facts, source), str(source))
    else:
        table = replace(source, name=name)
    voxels = {subject: fact.voxels for subject, fact in facts.items()}
    check_table(table, {subject.id for subject in subjects}, voxels)
    return replace(table, copies=_copies(voxels)), facts


def _copies(voxels: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """Ids of equal voxels, of two or more each."""
    names: dict[str, list[str]] = defaultdict(list)
    for name, digest in voxels.items():
        names[digest].append(name)
    return tuple(tuple(equal) for equal in names.values() if len(equal) > 1)


def _fold(parts: Sequence[Sequence[_Group]]) -> Fold:
    return Fold(
        *(tuple(sorted(name for group in part for name in group.subjects)) for part in parts)
    )


def _groups(
    subjects: Sequence[Subject], facts: Mapping[str, ScanFacts], draw: Draw
) -> list[_Group]:
    """Groups by patient or site, joined where scans are equal; in the order of their first id."""
    ties: dict[tuple[str, str], list[str]] = defaultdict(list)
    for subject in subjects:
        whole = subject.site if draw.by == "site" else patient_of(subject.id)
        ties[draw.by, whole].append(subject.id)
        if subject.id in facts:
            ties["voxels", facts[subject.id].voxels].append(subject.id)
    members = {name: [name] for name in sorted(subject.id for subject in subjects)}
    leader = {name: name for name in members}
    for first, *others in ties.values():
        for other in others:
            low, high = sorted((leader[first], leader[other]))
            if low != high:
                leader |= dict.fromkeys(members[high], low)
                members[low] = sorted(members[low] + members.pop(high))
    sites = {subject.id: subject.site for subject in subjects}
    sizes, groups = _sizes(members, facts), []
    for name, names in members.items():
        site = Counter(sites[member] for member in names).most_common(1)[0][0]
        strata = {"site": site, "lesion-volume": sizes[name]}
        groups.append(_Group(tuple(names), tuple(strata[balance] for balance in draw.balance)))
    return groups


def _sizes(members: Mapping[str, Sequence[str]], facts: Mapping[str, ScanFacts]) -> dict[str, str]:
    """The class of lesion volume of each group: "none", or one of three of equal counts."""
    volumes = {}
    for leader, names in members.items():
        volumes_ml = [facts[name].lesion_ml or 0.0 for name in names if name in facts]
        volumes[leader] = float(np.mean(volumes_ml)) if volumes_ml else 0.0
    present = [volume for volume in volumes.values() if volume > 0]
    edges = np.quantile(present or [0.0], np.arange(1, SIZES) / SIZES)
    return {
        leader: f"{np.searchsorted(edges, volume)}" if volume > 0 else "none"
        for leader, volume in volumes.items()
    }


def _divide(
    groups: Sequence[_Group], shares: NDArray[np.float64], names: Sequence[str], draw: Draw
) -> list[list[_Group]]:
    """Groups for each share, by number of subjects, proportional within each stratum.

    Groups in random order, stratum after stratum, each go to the part that lacks most so far.
    """
    count = int((shares > 0).sum())
    if len(groups) < count:
        raise SettingError(
            f"{counted(len(groups), draw.by)} cannot be divided into {count} parts "
            f"({', '.join(name for name, share in zip(names, shares, strict=True) if share)}); "
            "choose fewer parts or folds, or add subjects."
        )
    rng = np.random.default_rng(draw.seed)
    shuffled = sorted((groups[i] for i in rng.permutation(len(groups))), key=lambda g: g.stratum)
    parts: list[list[_Group]] = [[] for _ in shares]
    counts, total = np.zeros(len(shares)), 0
    for group in shuffled:
        total += len(group.subjects)
        part = int(np.argmax(np.where(shares > 0, shares * total - counts, -np.inf)))
        parts[part].append(group)
        counts[part] += len(group.subjects)
    for part, share in enumerate(shares):
        if share and not parts[part]:  # too few groups for so small a share
            largest = max(parts, key=len)
            parts[part].append(largest.pop())
    return parts
