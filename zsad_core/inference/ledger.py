"""What a number has seen: split, weights, prompts, threshold, reference slices and set."""

from collections.abc import Iterable
from dataclasses import dataclass

from zsad_core import setups
from zsad_core.backbones.pretraining import pretraining
from zsad_core.base.wording import counted, listed
from zsad_core.imaging import datasets
from zsad_core.imaging.splits import registry
from zsad_core.inference.exposure import Scan, exposure
from zsad_core.inference.references import written
from zsad_core.inference.sources import MapSource
from zsad_core.methods import FILES
from zsad_core.methods.setup import Setup
from zsad_core.metrics.threshold_rules import of_mask, rule_of
from zsad_core.setups import published, records
from zsad_core.setups.overlaps import overlaps
from zsad_core.setups.records import UNKNOWN
from zsad_core.types import DataSpec, Threshold


@dataclass(frozen=True)
class Ledger:
    """The parts of a number and what each has seen, in words, "" where it plays none.

    `exposed` is what has seen the subject itself, `overlaps` what public data sets are known to
    share with it.
    """

    split: str
    backbone: str
    checkpoint: str
    prompts: str
    threshold: str
    references: str
    volumes: str
    exposed: tuple[str, ...]
    overlaps: tuple[str, ...]

    @property
    def facts(self) -> dict[str, str]:
        """The parts that play a role, by their names in exports."""
        parts = {
            "split": self.split,
            "pretrained_on": self.backbone,
            "trained_on": self.checkpoint,
            "prompts_from": self.prompts,
            "threshold_from": self.threshold,
            "reference_slices_of": self.references,
            "reference_set_of": self.volumes,
            "exposure": "; ".join(self.exposed) or "none known",
            "known_overlaps": "; ".join(self.overlaps),
        }
        return {name: words for name, words in parts.items() if words}

    @property
    def short(self) -> str:
        """The split and what has seen the subject, for a caption."""
        exposed = f"exposed: {', '.join(self.exposed)}" if self.exposed else "no exposure known"
        overlap = " · a known overlap of public data" if self.overlaps else ""
        return f"split: {self.split} · {exposed}{overlap}"


def ledger(source: MapSource, threshold: Threshold) -> Ledger:
    """The ledger of a map read at a threshold; raises DataError, SettingError, WeightsError."""
    spec, slices = source.spec, source.spec.features.slices
    scan = Scan(slices.data, slices.subject, slices.modality)
    synthetic = datasets.open_dataset(slices.data).synthetic
    references = [reference.slices.subject for reference in spec.references]
    return Ledger(
        split=split_of(slices.data, scan.subjects[slices.subject].split),
        backbone=str(pretraining(source.setup.backbone)) if source.method.needs_tower else "",
        checkpoint=trained_on(source.setup),
        prompts=_prompts(source),
        threshold=_threshold(source, scan, threshold),
        references=", ".join(map(written, spec.references)) + _beyond(scan, references),
        volumes=listed(v for v in spec.volumes if v != slices.subject)
        + _beyond(scan, spec.volumes),
        exposed=exposure(source, threshold),
        overlaps=() if synthetic else known_overlaps(source.setup, slices.subject),
    )


def split_of(data: DataSpec, part: str) -> str:
    """The part of a subject and the split in use: its name and how its digest begins."""
    if data.split:
        return f"{part} of {data.split} ({registry.digest(data)[:8]})"
    return f"{part} of the data's own" if part else "none"


def trained_on(entry: Setup) -> str:
    """What a setup's checkpoint was trained on; "" where nothing is learned.

    Of predictions made elsewhere, what is stated of them. Raises WeightsError.
    """
    if entry.method == FILES:
        return entry.provenance
    if not entry.checkpoint:
        return ""
    record, official = setups.record(entry), published.files().get((entry.method, entry.setup))
    if official:
        return f"{official.trained_on} (published, {official.origin})"
    if not record.get("data"):
        return f"not recorded: {entry.provenance or 'nothing is known of it'}"
    counts = []
    for part in ("train", "validation"):
        if seen := records.seen(record, part):
            digests = sum(digest != UNKNOWN for digest in seen.values())
            counts.append(
                f"{part} {counted(len(seen), 'id')}, {counted(digests, 'digest')} of voxels"
            )
    rule = record.get("held_out_rule", "")
    return "; ".join([record["data"], *counts, *([f"divided by {rule}"] if rule else [])])


def known_overlaps(entry: Setup, subject: str) -> tuple[str, ...]:
    """What public data sets behind a setup are known to share with a subject; raises WeightsError.

    Of predictions made elsewhere it is judged by what their maker says they were trained on.
    """
    record = setups.record(entry)
    names = (entry.provenance, record.get("data", ""), record.get("train_subjects", ""))
    return tuple(map(str, overlaps(" ".join(names), subject)))


def _prompts(source: MapSource) -> str:
    if not source.method.prompts:
        return ""
    tuned_on = source.spec.prompts.tuned_on
    return f"tuned on {listed(tuned_on)}" if tuned_on else "not tuned by a search"


def _threshold(source: MapSource, scan: Scan, threshold: Threshold) -> str:
    """What its rule looks at, and how many subjects that are."""
    if source.method.binary:
        return of_mask(rule_of(threshold.rule), source.method.high).note
    basis, tuning = rule_of(threshold.rule).basis, scan.tuning(threshold, binary=False)
    return f"{basis}, {counted(len(tuning), 'subject')}" if tuning else basis


def _beyond(scan: Scan, names: Iterable[str]) -> str:
    beyond = scan.beyond_train(dict.fromkeys(name for name in names if name != scan.subject))
    return f" (outside train: {listed(beyond)})" if beyond else ""
