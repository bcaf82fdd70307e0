"""Cases, the subjects of data sets made of files, and the problems found when loading them."""

import hashlib
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from zsad_core.errors import DataError
from zsad_core.imaging.datasets import nifti
from zsad_core.imaging.datasets.files import as_text, name_problem
from zsad_core.types import Progress, Subject, Volume

SEG = "seg"
AMBIGUOUS = 4  # the label that is tumour in BraTS 2021 and a cavity since 2023
WHOLE_TUMOUR = {"2021": (1, 2, 4), "2023": (1, 2, 3)}  # by the year of the BraTS convention
READING = 2  # version of the reader: raised when the same bytes are read differently
Stamp = tuple[tuple[int, int], ...]
NO_NAMES: Mapping[int, str] = MappingProxyType({})


@dataclass(frozen=True)
class Case:
    """The files of one subject, and the labels its segmentation may hold.

    `scans` maps a modality to its file, and `channels` to its channel there, counted from 0, where
    the file has several; `whole_tumour` and `allowed` are as in `nifti.read_case`;
    `label_notes` maps a label to the note on a volume that holds it. `by_name` says that the
    lesion is what the name of the file says.
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
        self._problems: dict[str, dict[str, tuple[Stamp, str]]] = {}  # by id, then modality
        self._lock = threading.Lock()

    def __getitem__(self, subject_id: str) -> Case:
        if subject_id not in self._cases:
            raise DataError(f"There is no subject '{subject_id}' here; choose one of the list.")
        return self._cases[subject_id]

    def subjects(self) -> tuple[Subject, ...]:
        """The index with the problems known so far; no voxel is read.

        A modality that failed is left out and noted; a subject has a problem when its
        segmentation failed or no modality is left.
        """
        with self._lock:
            problems = {name: dict(known) for name, known in self._problems.items()}
        return tuple(
            _subject(case, _current(case, problems.get(case.id, {})))
            for case in self._cases.values()
        )

    def load(self, subject_id: str, modality: str, progress: Progress | None = None) -> Volume:
        """One scan with its truth, (X, Y, Z) RAS+; raises DataError and remembers it."""
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
            self._remember(case, SEG if sentence else modality, sentence or str(error))
            raise
        with self._lock:
            for content in (modality, SEG):
                self._problems.get(case.id, {}).pop(content, None)
        if progress:
            progress(1, 1)
        labels = set() if volume.labels is None else set(np.unique(volume.labels).tolist())
        notes = [note for label, note in case.label_notes.items() if label in labels]
        return replace(
            volume, notes=(*volume.notes, *notes), digest=_digest(case, volume.digest, labels)
        )

    def stamp(self, subject_id: str, modality: str) -> str:
        """Path, size and time of change of the files of a scan; raises DataError without it."""
        case = self._with(subject_id, modality)
        where = (str(path.absolute()) for path in case.files(modality))
        files = zip(where, _stamp(case, modality), strict=True)
        channel = [case.channels[modality]] if modality in case.channels else []
        return repr([READING, case.whole_tumour, *files, *channel])

    def file(self, subject_id: str, modality: str) -> Path:
        """The file of a scan; raises DataError without it."""
        return self._with(subject_id, modality).scans[modality]

    def check(self, subject_id: str) -> str:
        """Load everything of a subject; returns the first sentence on what is wrong, or ""."""
        case = self[subject_id]
        problems = [case.problem] if case.problem else []
        for modality in () if case.problem else case.scans:
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

    def _remember(self, case: Case, content: str, sentence: str) -> None:
        with self._lock:
            self._problems.setdefault(case.id, {})[content] = (_stamp(case, content), sentence)


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


def _current(case: Case, problems: dict[str, tuple[Stamp, str]]) -> dict[str, str]:
    """Problems by modality or "seg", of files that have not changed since."""
    return {
        content: sentence
        for content, (stamp, sentence) in problems.items()
        if stamp == _stamp(case, content)
    }


def lesion_labels(labels: str, among: Collection[int] = range(256)) -> tuple[int, ...]:
    """The labels that a user chose for the lesion, in order; () where it is left to the data.

    Raises DataError for anything but `auto`, the year of a BraTS convention, and labels above 0
    `among` those of the data.

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
        nifti.read_labels(case.seg, case.allowed)
    except DataError as error:
        return str(error)
    return ""


def _stamp(case: Case, content: str) -> Stamp:
    """Size and time of change of the files; a missing one is (-1, -1)."""
    states = []
    for path in case.files(content):
        try:
            state = path.stat()
        except OSError:
            states.append((-1, -1))
        else:
            states.append((state.st_size, state.st_mtime_ns))
    return tuple(states)
