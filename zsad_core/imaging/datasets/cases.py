"""What the data sets made of files have in common: cases, and what was found wrong with them."""

import hashlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from zsad_core.errors import DataError
from zsad_core.imaging.datasets import nifti
from zsad_core.imaging.datasets.files import as_text, name_problem
from zsad_core.types import Progress, Subject, Volume

SEG = "seg"
AMBIGUOUS = 4  # the label that is tumour in BraTS 2021 and a cavity since 2023
READING = 2  # of files: counted up where what is read of the same bytes becomes another
Stamp = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Case:
    """The files of one subject, and the labels its segmentation may hold.

    `scans` maps a modality to its file; `whole_tumour` and `allowed` are as in `nifti.read_case`;
    `noted` maps a label to what is said of a volume that holds it. `by_name` says that the file's
    own name tells what the labels mean.
    """

    id: str
    scans: dict[str, Path]
    seg: Path | None = None
    whole_tumour: tuple[int, ...] = ()
    allowed: tuple[int, ...] | None = None
    problem: str = ""
    notes: tuple[str, ...] = ()
    noted: dict[int, str] = field(default_factory=dict)
    site: str = ""
    by_name: bool = False

    def files(self, part: str) -> list[Path]:
        """The files that a modality, or the segmentation alone, is read from."""
        own = [] if part == SEG else [self.scans[part]]
        return own + ([self.seg] if self.seg else [])


class Cases:
    """A data set of cases by id. What loading finds wrong is remembered until the files change."""

    def __init__(self, cases: Iterable[Case], title: str, synthetic: bool = False) -> None:
        self.title, self.synthetic = title, synthetic
        named = sorted(map(_as_text, cases), key=lambda case: case.id)
        self._cases = {case.id: case for case in named}
        self._wrong: dict[tuple[str, str], tuple[Stamp, str]] = {}
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
            known = {subject for subject, _ in self._wrong}
        return tuple(
            self._subject(case, self._known(case) if case.id in known else {})
            for case in self._cases.values()
        )

    def load(self, subject_id: str, modality: str, progress: Progress | None = None) -> Volume:
        """One scan with its truth, (X, Y, Z) RAS+; raises DataError and remembers it."""
        case = self._with(subject_id, modality)
        if progress:
            progress(0, 1)
        try:
            volume = nifti.read_case(
                case.scans[modality], case.seg, case.whole_tumour, case.allowed
            )
        except DataError as error:
            sentence = _seg_problem(case)
            self._remember(case, SEG if sentence else modality, sentence or str(error))
            raise
        with self._lock:
            self._wrong.pop((case.id, modality), None)
            self._wrong.pop((case.id, SEG), None)
        if progress:
            progress(1, 1)
        labels = set() if volume.labels is None else set(np.unique(volume.labels).tolist())
        notes = (*volume.notes, *(note for label, note in case.noted.items() if label in labels))
        return replace(volume, notes=notes, digest=_digest(case, volume.digest, labels))

    def stamp(self, subject_id: str, modality: str) -> str:
        """Path, size and time of change of the files of a scan; raises DataError without it."""
        case = self._with(subject_id, modality)
        where = (str(path.absolute()) for path in case.files(modality))
        files = zip(where, _stamp(case, modality), strict=True)
        return repr([READING, case.whole_tumour, *files])

    def file(self, subject_id: str, modality: str) -> Path:
        """The file of a scan; raises DataError without it."""
        return self._with(subject_id, modality).scans[modality]

    def check(self, subject_id: str) -> str:
        """Load everything of a subject; returns the first sentence on what is wrong, or ""."""
        case = self[subject_id]
        found = [case.problem] if case.problem else []
        for modality in () if case.problem else case.scans:
            try:
                self.load(subject_id, modality)
            except DataError as error:
                found.append(str(error))
        return found[0] if found else ""

    def _with(self, subject_id: str, modality: str) -> Case:
        """The case, if it can be used and has the modality."""
        case = self[subject_id]
        if case.problem:
            raise DataError(case.problem)
        if modality not in case.scans:
            has = ", ".join(case.scans)
            raise DataError(f"{subject_id} has no scan '{modality}'; choose one of {has}.")
        return case

    def _subject(self, case: Case, wrong: dict[str, str]) -> Subject:
        left = tuple(modality for modality in case.scans if modality not in wrong)
        problem = case.problem or wrong.get(SEG, "")
        if not problem and not left:
            problem = next(iter(wrong.values()))
        notes = case.notes + tuple(
            f"{modality} cannot be used: {sentence}"
            for modality, sentence in wrong.items()
            if modality != SEG and left and not problem
        )
        modalities = left or tuple(case.scans)
        truth = case.seg is not None
        return Subject(case.id, modalities, truth, problem=problem, notes=notes, site=case.site)

    def _remember(self, case: Case, part: str, sentence: str) -> None:
        with self._lock:
            self._wrong[case.id, part] = (_stamp(case, part), sentence)

    def _known(self, case: Case) -> dict[str, str]:
        """Sentences by modality or "seg" whose files are still the same."""
        with self._lock:
            found = {part: known for (id_, part), known in self._wrong.items() if id_ == case.id}
        return {part: text for part, (at, text) in found.items() if at == _stamp(case, part)}


def _as_text(case: Case) -> Case:
    """The case; with a problem if a name on the way to its files is no text (UTF-8)."""
    for path in [*case.scans.values(), *([case.seg] if case.seg else [])]:
        if problem := name_problem(path):
            return replace(case, id=as_text(case.id), site=as_text(case.site), problem=problem)
    return case


def _digest(case: Case, of_bytes: str, labels: set[int]) -> str:
    """The digest of a scan: of its bytes, and of what they leave open about the truth."""
    if case.by_name or AMBIGUOUS not in labels:
        return of_bytes
    truth = not case.whole_tumour or AMBIGUOUS in case.whole_tumour
    return hashlib.sha256(f"{of_bytes} {AMBIGUOUS} {truth}".encode()).hexdigest()


def _seg_problem(case: Case) -> str:
    """What is wrong with the segmentation itself, whichever scan it is read with."""
    if case.seg is None:
        return ""
    try:
        nifti.read_labels(case.seg, case.allowed)
    except DataError as error:
        return str(error)
    return ""


def _stamp(case: Case, part: str) -> Stamp:
    """Size and time of change of the files; a missing one is (-1, -1)."""
    found = []
    for path in case.files(part):
        try:
            state = path.stat()
        except OSError:
            found.append((-1, -1))
        else:
            found.append((state.st_size, state.st_mtime_ns))
    return tuple(found)
