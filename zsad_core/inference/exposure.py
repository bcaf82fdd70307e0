"""What has seen the truth of a map's subject: the checkpoint, the prompts, the threshold."""

from zsad_core import setups
from zsad_core.imaging import datasets
from zsad_core.imaging.splits.facts import facts_of
from zsad_core.inference.sources import MapSource
from zsad_core.metrics.threshold_rules import TunedRule, rule_of
from zsad_core.types import SliceSpec, Split, Threshold

TRAINED = "checkpoint trained on it"
CHOSEN = "checkpoint chosen on it"
PROMPTS = "prompts tuned on it"
THRESHOLD = "threshold tuned on it"


def exposure(source: MapSource, threshold: Threshold, part: Split) -> tuple[str, ...]:
    """What has seen the subject's truth, as far as is known; a number on it flatters.

    Checkpoints trained here name their subjects and the digests of their voxels, so a copy under
    another id is known too; what published checkpoints saw is not. `part` is the subject's part of
    the split. An oracle threshold always saw the truth and is not listed. Raises WeightsError.
    """
    slices = source.spec.features.slices
    record, rule = setups.record(source.setup), rule_of(threshold.rule)
    seen = {
        TRAINED: _names(slices, record, "train"),
        CHOSEN: _names(slices, record, "validation"),
        PROMPTS: slices.subject in source.spec.prompts.tuned_on,
        THRESHOLD: isinstance(rule, TunedRule) and part in rule.parts,
    }
    return tuple(word for word, holds in seen.items() if holds)


def _names(slices: SliceSpec, record: dict[str, str], part: str) -> bool:
    """Whether a checkpoint's record lists the subject, by voxels of its modality or by id."""
    voxels = record.get(f"{part}_voxels", "").split()
    if voxels and record.get("modality") == slices.modality:
        dataset = datasets.open_dataset(slices.data)
        return facts_of(dataset, slices.subject, slices.modality).voxels in voxels
    return slices.subject in record.get(f"{part}_subjects", "").split()
