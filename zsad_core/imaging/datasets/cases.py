"""Cases, the subjects of data sets made of files, and the problems found when loading them."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from zsad_core.errors import DataError
from zsad_core.imaging.datasets import nifti
from zsad_core.imaging.datasets.files import as_text, listed, name_problem, read_bytes
from zsad_core.types import Progress, Subject, Volume

SEG = "seg"
AMBIGUOUS = 4  # the label that is tumour in BraTS 2021 and a cavity since 2023
WHOLE_TUMOUR = {"2021": (1, 2, 4), "2023": (1, 2, 3)}  # by the year of the BraTS convention
READING = 2  # version of the reader: raised when the same bytes are read differently
FileStates = tuple[tuple[int, int], ...]
NO_NAMES: Mapping[int, str] = MappingProxyType({})


@dataclass(frozen=True)
class Case:
    """The files of one subject, and the labels its segmentation may hold.

    `scans` maps a modality to its file, `channels` to its channel in a file of several, from 0;
    `whole_tumour` and `allowed` are as in `nifti.read_case`; `label_notes` maps a label to the note
    on a volume with it. `by_name`: the lesion is what the file's name says.
    """

    id: str
    scans: dict[str, Path]
    seg: Path | None = None
    whole_tumour: tuple[int, ...] = ()
    allowed: tuple[int, ...] | None = None
    problem: str = ""
    notes: tuple[str, ...] = ()
    label_notes: dict[int, str] = field(default_factory=dict)
    site: str = ""
    by_name: bool = False
    channels: dict[str, int] = field(default_factory=dict)

    def files(self, content: str) -> list[Path]:
        """The files that a modality, or the segmentation alone, is read from."""
        own = [] if content == SEG else [self.scans[content]]
        return own + ([self.seg] if self.seg else [])


class Cases:
    """A data set of cases by id; problems found when loading are remembered until files change."""

    def __init__(
        self,
        cases: Iterable[Case],
        title: str,
        synthetic: bool = False,
        label_names: Mapping[int, str] = NO_NAMES,
        lesion: Sequence[int] = (),
    ) -> None:
        """The cases; `lesion` are labels that were chosen and are not those of the data."""
        self.title, self.synthetic, self.label_names = title, synthetic, label_names
        self.chosen_labels = ",".join(map(str, lesion))
        named = sorted(map(_as_text, cases), key=lambda case: case.id)
        self._cases = {case.id: case for case in named}
        # By id, and modality or SEG.
        self._problems: dict[tuple[str, str], tuple[FileStates, str]] = {}

    def __getitem__(self, subject_id: str) -> Case:
        if subject_id not in self._cases:
            raise DataError(f"There is no subject '{subject_id}' here; choose one of the list.")
        return self._cases[subject_id]

    def subjects(self) -> tuple[Subject, ...]:
        """The index with the problems known so far; no voxel is read.

        A modality that failed is left out and noted; a subject has a problem when its
        segmentation failed or no modality is left.
        """
        return tuple(_subject(case, self._current(case)) for case in self._cases.values())

    def load(self, subject_id: str, modality: str, progress: Progress | None = None) -> Volume:
        """As every data set; remembers what is wrong."""
        case = self._with(subject_id, modality)
        if progress:
            progress(0, 1)
        try:
            volume = nifti.read_case(
                case.scans[modality],
                case.seg,
                case.whole_tumour,
                case.allowed,
                case.channels.get(modality),
            )
        except DataError as error:
            sentence = _seg_problem(case)
            content = SEG if sentence else modality
            self._problems[case.id, content] = _stamp(case, content), sentence or str(error)
            raise
        for content in (modality, SEG):
            self._problems.pop((case.id, content), None)
        if progress:
            progress(1, 1)
        labels = set() if volume.labels is None else set(np.unique(volume.labels).tolist())
        notes = [note for label, note in case.label_notes.items() if label in labels]
        return replace(
            volume, notes=(*volume.notes, *notes), digest=_digest(case, volume.digest, labels)
        )

    def stamp(self, subject_id: str, modality: str) -> str:
        case = self._with(subject_id, modality)
        where = (str(path.absolute()) for path in case.files(modality))
        files = zip(where, _stamp(case, modality), strict=True)
        channel = [case.channels[modality]] if modality in case.channels else []
        return repr([READING, case.whole_tumour, *files, *channel])

    def file(self, subject_id: str, modality: str) -> Path:
        return self._with(subject_id, modality).scans[modality]

    def check(self, subject_id: str) -> str:
        case, problems = self[subject_id], []
        if case.problem:
            return case.problem
        for modality in case.scans:
            try:
                self.load(subject_id, modality)
            except DataError as error:
                problems.append(str(error))
        return problems[0] if problems else ""

    def _with(self, subject_id: str, modality: str) -> Case:
        """The case, if it can be used and has the modality."""
        case = self[subject_id]
        if case.problem:
            raise DataError(case.problem)
        if modality not in case.scans:
            has = ", ".join(case.scans)
            raise DataError(f"{subject_id} has no scan '{modality}'; choose one of {has}.")
        return case

    def _current(self, case: Case) -> dict[str, str]:
        """Problems by modality or SEG, of files that have not changed since."""
        known = {content: self._problems.get((case.id, content)) for content in (*case.scans, SEG)}
        return {
            content: problem[1]
            for content, problem in known.items()
            if problem and problem[0] == _stamp(case, content)
        }


def _subject(case: Case, problems: dict[str, str]) -> Subject:
    usable = tuple(modality for modality in case.scans if modality not in problems)
    problem = case.problem or problems.get(SEG, "")
    if not problem and not usable:
        problem = next(iter(problems.values()))
    notes = case.notes + tuple(
        f"{modality} cannot be used: {sentence}"
        for modality, sentence in problems.items()
        if modality != SEG and usable and not problem
    )
    modalities = usable or tuple(case.scans)
    truth = case.seg is not None
    return Subject(case.id, modalities, truth, problem=problem, notes=notes, site=case.site)


def lesion_labels(labels: str, among: Collection[int] = range(256)) -> tuple[int, ...]:
    """The labels that a user chose for the lesion, in order; () where it is left to the data.

    DataError but for `auto`, the year of a BraTS convention, labels above 0 `among` the data's.

    >>> lesion_labels("auto"), lesion_labels("2021"), lesion_labels("3,1")
    ((), (1, 2, 4), (1, 3))
    """
    if labels == "auto":
        return ()
    if labels in WHOLE_TUMOUR:
        return WHOLE_TUMOUR[labels]
    numbers = [text.strip() for text in labels.split(",")]
    known = sorted(set(among) - {0})
    if not all(text.isdecimal() and int(text) in known for text in numbers):
        choice = "whole numbers from 1 to 255" if len(known) == 255 else ", ".join(map(str, known))
        raise DataError(
            f"The labels '{labels}' are none that a lesion can have here; give auto, or some of "
            f"{choice} with commas between."
        )
    return tuple(sorted({int(text) for text in numbers}))


def case_of(
    name: str,
    scans: Mapping[str, Sequence[Path]],
    masks: Sequence[Path],
    expected: Iterable[str],
    mask: str = SEG,
) -> Case:
    """The case of files by modality and of masks, called `mask`; notes what of `expected` it lacks.

    It has a problem where it has no scan, or several files of one content.
    """
    problem = "" if scans else f"'{masks[0]}' has no scan of its case; add one or take it away."
    for content, paths in (*scans.items(), (mask, masks)):
        if len(paths) > 1:
            where = listed(paths)
            problem = f"{name} has {content} {len(paths)} times, {where}; keep one of them."
    missing = [modality for modality in expected if modality not in scans]
    notes = (f"Has no {', '.join(missing)}.",) if missing and scans else ()
    files = {modality: paths[0] for modality, paths in scans.items()}
    return Case(name, files, masks[0] if masks else None, problem=problem, notes=notes)


def label_spellings(labels: str) -> list[str]:
    """The texts that choose the same labels: as numbers, and as the year of a BraTS convention.

    >>> label_spellings("1,2,4")
    ['1,2,4', '2021']
    """
    years = [year for year in WHOLE_TUMOUR if lesion_labels(year) == lesion_labels(labels)]
    return list(dict.fromkeys([labels, *years]))


def _as_text(case: Case) -> Case:
    """The case, with a problem if the path of one of its files is not valid UTF-8."""
    for path in [*case.scans.values(), *([case.seg] if case.seg else [])]:
        if problem := name_problem(path):
            return replace(case, id=as_text(case.id), site=as_text(case.site), problem=problem)
    return case


def _digest(case: Case, of_bytes: str, labels: set[int]) -> str:
    """The digest of a scan: of its bytes, and of the meaning of labels that bytes leave open.

    Open are `AMBIGUOUS`, unless the name of the file defines it, and labels that are no lesion.
    """
    truth = not case.whole_tumour or AMBIGUOUS in case.whole_tumour
    healthy = labels - {0, AMBIGUOUS, *case.whole_tumour} if case.whole_tumour else set()
    parts = [of_bytes]
    parts += [f"{AMBIGUOUS} {truth}"] if AMBIGUOUS in labels and not case.by_name else []
    parts += [f"without {sorted(healthy)}"] if healthy else []
    return hashlib.sha256(" ".join(parts).encode()).hexdigest() if parts[1:] else of_bytes


def _seg_problem(case: Case) -> str:
    """The problem of the segmentation itself, whichever scan it is read with, or ""."""
    if case.seg is None:
        return ""
    try:
        nifti.read_labels(case.seg, read_bytes(case.seg), case.allowed)
    except DataError as error:
        return str(error)
    return ""


def _stamp(case: Case, content: str) -> FileStates:
    """Size and time of change of the files; a missing one is (-1, -1)."""
    return tuple(map(_state, case.files(content)))


def _state(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError:
        return -1, -1
    return state.st_size, state.st_mtime_ns
