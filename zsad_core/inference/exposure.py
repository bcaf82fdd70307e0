"""What has seen a map's subject: weights, prompts, threshold, reference slices and set."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

from zsad_core import setups
from zsad_core.backbones.pretraining import pretraining
from zsad_core.errors import DataError
from zsad_core.imaging import datasets
from zsad_core.imaging.datasets import Dataset
from zsad_core.imaging.splits import registry
from zsad_core.imaging.splits.facts import facts_of
from zsad_core.inference.sources import MapSource
from zsad_core.metrics.threshold_rules import TunedRule, rule_of
from zsad_core.setups import records
from zsad_core.setups.records import UNKNOWN
from zsad_core.types import DataSpec, Subject, Threshold

BACKBONE = "backbone pretrained on it"
TRAINED = "checkpoint trained on it"
TRAINED_PATIENT = "checkpoint trained on another scan of the patient"
CHOSEN = "checkpoint chosen on it"
CHOSEN_PATIENT = "checkpoint chosen on another scan of the patient"
PROMPTS = "prompts tuned on it"
PROMPTS_PATIENT = "prompts tuned on another scan of the patient"
THRESHOLD = "threshold tuned on it"
THRESHOLD_PATIENT = "threshold tuned on another scan of the patient"
REFERENCES = "reference slices of the same patient"
REFERENCES_BEYOND = "reference slices from outside train"
VOLUMES = "reference set with the same patient"
VOLUMES_BEYOND = "reference set from outside train"


@dataclass(frozen=True)
class Scan:
    """One scan of a data set, to be compared with others by id, by patient and by voxels."""

    data: DataSpec
    subject: str
    modality: str

    @cached_property
    def dataset(self) -> Dataset:
        """The data set of the scan."""
        return datasets.open_dataset(self.data)

    @cached_property
    def subjects(self) -> dict[str, Subject]:
        """All subjects of the data set by id."""
        return {subject.id: subject for subject in self.dataset.subjects()}

    def voxels(self, name: str, modality: str) -> str:
        """SHA-256 of a subject's voxels, whatever the file; "" where there is no such scan."""
        if name not in self.subjects or modality not in self.subjects[name].modalities:
            return ""
        try:
            return facts_of(self.dataset, name, modality).voxels
        except DataError:
            return ""

    def is_among(self, names: Iterable[str]) -> bool:
        """Whether subjects of the same data are this one, or hold a copy of its voxels.

        A split was checked for copies in two parts, but files may have been replaced since.
        """
        others = set(names)
        if self.subject in others:
            return True
        voxels = self.voxels(self.subject, self.modality) if others else ""
        return bool(voxels) and any(self.voxels(name, self.modality) == voxels for name in others)

    def has_patient_among(self, names: Iterable[str]) -> bool:
        """Whether one of the subjects is another scan of the same patient, as the split knows."""
        others = [name for name in names if name != self.subject]
        return registry.table(self.data).shares_patient(self.subject, others)

    def tuning(self, threshold: Threshold, binary: bool) -> list[str]:
        """Ids of the subjects on which the threshold of the scan's map was tuned.

        A binary map has one threshold, tuned on nobody.
        """
        rule = rule_of(threshold.rule)
        if binary or not isinstance(rule, TunedRule):
            return []
        evaluable = [each for each in self.subjects.values() if each.evaluable(self.modality)]
        chosen = rule.tuning(evaluable, registry.table(self.data), self.subject)
        return [subject.id for subject in chosen]

    def beyond_train(self, names: Iterable[str]) -> list[str]:
        """Which of the subjects do not train; none where the data have no split."""
        if not any(subject.split for subject in self.subjects.values()):
            return []
        train = {subject.id for subject in self.subjects.values() if subject.split == "train"}
        return [name for name in names if name not in train]


def exposure(
    source: MapSource, threshold: Threshold, tuned_on: Collection[str] = ()
) -> tuple[str, ...]:
    """What has seen the subject, as far as is known; a number on it flatters.

    The threshold may be tuned on subjects beside those of its rule, `tuned_on`: an oracle's value
    of one scan that is used on others.

    Checkpoints trained here name their subjects and the digests of their voxels, so a copy under
    another id is known too; what published checkpoints saw is not. Reference slices and the volumes
    of a set come from train alone: others are listed, as are those of the subject's own patient.
    An oracle threshold always saw the truth and is not listed. Raises DataError, WeightsError.
    """
    spec, slices = source.spec, source.spec.features.slices
    scan = Scan(slices.data, slices.subject, slices.modality)
    record, tuning = setups.record(source.setup), scan.tuning(threshold, source.method.binary)
    tuning = [*tuning, *tuned_on]
    texts_tuned_on = spec.prompts.tuned_on
    references = [reference.slices.subject for reference in spec.references]
    volumes = [name for name in spec.volumes if name != slices.subject]
    pretrained_on = pretraining(source.setup.backbone).subjects if source.method.needs_tower else ()
    seen = {
        BACKBONE: scan.subject in pretrained_on,
        **_recorded(scan, record, "train", (TRAINED, TRAINED_PATIENT)),
        **_recorded(scan, record, "validation", (CHOSEN, CHOSEN_PATIENT)),
        PROMPTS: scan.is_among(texts_tuned_on),
        PROMPTS_PATIENT: scan.has_patient_among(texts_tuned_on),
        THRESHOLD: scan.is_among(tuning),
        THRESHOLD_PATIENT: scan.has_patient_among(tuning),
        REFERENCES: scan.is_among(references) or scan.has_patient_among(references),
        REFERENCES_BEYOND: bool(scan.beyond_train(references)),
        VOLUMES: scan.is_among(volumes) or scan.has_patient_among(volumes),
        VOLUMES_BEYOND: bool(scan.beyond_train(volumes)),
    }
    return tuple(words for words, holds in seen.items() if holds)


def _recorded(
    scan: Scan, record: dict[str, str], part: str, words: tuple[str, str]
) -> dict[str, bool]:
    """Whether a part of a checkpoint's record holds the scan, or another one of its patient.

    Equal ids whose voxels are known to differ are of other data.
    """
    seen, modality = records.seen(record, part), record.get("modality", scan.modality)
    digests = {*seen.values()} - {UNKNOWN}
    if digests and scan.voxels(scan.subject, modality) in digests:
        return {words[0]: True}
    patient = registry.table(scan.data).patient
    same = {
        name
        for name, digest in seen.items()
        if patient(name) == patient(scan.subject)
        and (digest == UNKNOWN or scan.voxels(name, modality) in ("", digest))
    }
    return {words[0]: scan.subject in same, words[1]: bool(same - {scan.subject})}
