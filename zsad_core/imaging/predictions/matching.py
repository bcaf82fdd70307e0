"""Files of predictions matched to subjects by their names."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from zsad_core.errors import DataError
from zsad_core.imaging.datasets.files import files_below, listed, name_problem, stem

TOKEN = re.compile(r"[^-_.\s/]+")
CHANNEL = re.compile(r"_00\d\d(?=[-_.\s/]|$)")  # nnU-Net's number of an input


@dataclass(frozen=True)
class Survey:
    """The files of a folder of predictions for the subjects of a data set; no voxel is read.

    `matched` are pairs of subject and file, `unmatched` files without a subject, `missing` subjects
    without a file, and `doubles` subjects with several files.
    """

    folder: Path
    matched: tuple[tuple[str, Path], ...]
    unmatched: tuple[Path, ...] = ()
    missing: tuple[str, ...] = ()
    doubles: tuple[tuple[str, tuple[Path, ...]], ...] = ()

    @property
    def problem(self) -> str:
        """Why the folder cannot be used, in a sentence, or ""."""
        if self.doubles:
            subject, paths = self.doubles[0]
            more = f" (and so {len(self.doubles) - 1} more subjects)" if self.doubles[1:] else ""
            return f"{_duplicate_message(subject, paths)}{more}; keep one file a subject."
        if self.matched:
            return ""
        if not self.unmatched:
            return f"The folder '{self.folder}' holds no .nii or .nii.gz file; choose another."
        such = f", such as {self.missing[0]}.nii.gz" if self.missing else ""
        return (
            f"No file in '{self.folder}' is named after a subject of these data, "
            f"'{self.unmatched[0].name}' neither; name each by the subject's id{such}."
        )

    @property
    def problems(self) -> dict[str, str]:
        """Why there is no file of a subject, or not one alone, in a sentence by its id."""
        doubles = {
            subject: f"{_duplicate_message(subject, paths)}; keep one of them."
            for subject, paths in self.doubles
        }
        return doubles | {subject: self._none_of(subject) for subject in self.missing}

    def file(self, subject: str) -> Path:
        """The one file of a subject; raises DataError."""
        matches = dict(self.matched)
        if subject not in matches:
            raise DataError(self.problems.get(subject) or self._none_of(subject))
        return matches[subject]

    def _none_of(self, subject: str) -> str:
        return f"'{self.folder}' holds no prediction of {subject}; add it as {subject}.nii.gz."


def survey(folder: str | Path, subjects: Iterable[str]) -> Survey:
    """Match the NIfTI files below a folder to subjects by id; raises DataError without a folder.

    A file belongs to the subject whose id is its name, or a part of it between dashes, underscores
    or dots beside words (CASE-seg, CASE_pred, mymodel_CASE) or nnU-Net's _0000; or to that of its
    folder. Of overlapping ids the longest counts. An id beside other numbers does not match, as
    CASE_2 may be another case or visit than CASE; nor does a name with two subjects.
    """
    top, ids = Path(folder).expanduser(), sorted(set(subjects))
    if not top.is_dir():
        raise DataError(f"There is no folder '{folder}'; give the folder that holds predictions.")
    names, folders = _names(ids), {part for name in ids for part in name.split("/")[:-1]}
    files: dict[str, list[Path]] = defaultdict(list)
    unmatched: list[Path] = []
    for path in files_below(str(top)):
        if problem := name_problem(path):
            raise DataError(problem)
        name = path.relative_to(top).with_name(stem(path)).as_posix()
        subject = _subject(name, names)
        if subject and _other_folder(name, subject, folders):
            subject = None
        (unmatched if subject is None else files[subject]).append(path)
    return Survey(
        folder=top,
        matched=tuple((name, files[name][0]) for name in ids if len(files[name]) == 1),
        unmatched=tuple(unmatched),
        missing=tuple(name for name in ids if not files[name]),
        doubles=tuple((name, tuple(files[name])) for name in ids if len(files[name]) > 1),
    )


def _names(ids: Iterable[str]) -> dict[str, str]:
    """Names that identify a subject: its id, and parts of ids that no other shares.

    An id may be a path. A part without a number, such as a site or a modality, identifies nobody.

    >>> _names(["MET-1/t1c", "MET-2/MET-2_0000"])["MET-2"]
    'MET-2/MET-2_0000'
    """
    ids = list(ids)
    subjects_of: dict[str, set[str]] = defaultdict(set)
    for subject in ids:
        for name in _parts(subject):
            subjects_of[name].add(subject)
    short = {name: min(subjects) for name, subjects in subjects_of.items() if len(subjects) == 1}
    return short | {subject: subject for subject in ids}


def _parts(subject: str) -> set[str]:
    """Folders and ends of an id, also without nnU-Net's channel, if they hold a number."""
    folders = subject.split("/")
    parts = {*folders, *("/".join(folders[start:]) for start in range(len(folders)))}
    parts |= {re.sub(rf"{CHANNEL.pattern}\Z", "", part) for part in parts}
    return {part for part in parts if re.search(r"\d", part)}


def _subject(name: str, names: Mapping[str, str]) -> str | None:
    """The subject that a path without suffix names, or None.

    >>> _subject("case_10-seg", {"case_1": "one", "case_10": "ten"})
    'ten'
    """
    spans = [span for span in _spans(name) if name[slice(*span)] in names and _alone(name, *span)]
    if not spans:
        return None
    first, last = max(spans, key=lambda span: span[1] - span[0])
    inside = {names[name[a:b]] for a, b in spans if first <= a and b <= last}
    others = {names[name[a:b]] for a, b in spans} - inside
    return None if others else names[name[first:last]]


def _other_folder(name: str, subject: str, folders: set[str]) -> bool:
    """Whether a path holds a folder of other subjects: site2/001 is not the 001 of site1."""
    parts = {name[start:end] for start, end in _spans(name)}
    return bool(parts & folders - set(subject.split("/")))


def _spans(name: str) -> Iterator[tuple[int, int]]:
    """Start and end of every run of whole tokens, of the file name, and of the whole path."""
    yield 0, len(name)
    yield name.rfind("/") + 1, len(name)
    tokens = [token.span() for token in TOKEN.finditer(name)]
    for index, (start, _) in enumerate(tokens):
        for _, end in tokens[index:]:
            yield start, end


def _alone(name: str, start: int, end: int) -> bool:
    """Whether a part of a name has no numbers beside it."""
    channel = CHANNEL.match(name, end)
    before = name[name.rfind("/", 0, start) + 1 : start]
    behind = name[channel.end() if channel else end :]
    return not any(token.isdigit() for token in TOKEN.findall(f"{before} {behind}"))


def _duplicate_message(subject: str, paths: tuple[Path, ...]) -> str:
    return f"{subject} has {len(paths)} files, {listed(paths)}"
