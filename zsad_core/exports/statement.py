"""The statement of an export: its content, how it was made, and that it is no medical device."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from zsad_core.exports import words
from zsad_core.exports.reading import Reading
from zsad_core.imaging import datasets
from zsad_core.inference import provenance, stored_cubes
from zsad_core.inference.engine import Engine
from zsad_core.inference.ledger import ledger
from zsad_core.inference.references import written
from zsad_core.inference.sources import MapSource, resolve
from zsad_core.inference.views import View, readout_of
from zsad_core.metrics.dice import EMPTY_RULES
from zsad_core.metrics.thresholds import threshold_text
from zsad_core.types import Plane

FIRST: dict[Plane, str] = {
    "axial": "at the feet",
    "coronal": "at the back",
    "sagittal": "at the patient's left",
}
BATCH = "last digits depend on how many slices were encoded at once, which features do not record"


@dataclass(frozen=True)
class Statement:
    """The content of an export and how it was made, in words.

    `facts` are all of it by name, in order; `spec` is the spec of the view, without folders of the
    machine.
    """

    title: str
    method: str
    numbers: str
    threshold: str
    origin: str
    facts: dict[str, str]
    spec: dict[str, Any]

    def lines(self) -> str:
        """The facts, one a line."""
        return "\n".join(f"{name}: {value}" for name, value in self.facts.items())

    def as_json(self) -> str:
        """Facts and spec as JSON in ASCII."""
        return json.dumps({"facts": self.facts, "spec": self.spec}, indent=1)


def statement(engine: Engine, reading: Reading, whole: bool = False) -> Statement:
    """The statement of a view, or of its `whole` volume; raises WeightsError, DataError."""
    view = reading.view
    facts = _facts(engine, reading, None if whole else view.index)
    facts = {name: words.legible(value) for name, value in facts.items() if value}
    product = f"{facts['product']} {facts['version']}, {_device(facts)}."
    seen = f"Split: {facts['split']}. Exposure: {facts['exposure']}."
    spec: dict[str, Any] = _portable(asdict(replace(view, readout=readout_of(view))))
    if whole:
        del spec["index"]
    origin = (facts.get("synthetic", ""), product, f"{facts['mask']}.", seen)
    return Statement(
        title=facts["shows"],
        method=_method(facts),
        numbers=words.volume_numbers(reading),
        threshold=f"Threshold {facts['threshold']}, {facts['threshold_rule']}",
        origin=" ".join(filter(None, origin)),
        facts=facts,
        spec=spec,
    )


def in_a_line(engine: Engine, view: View) -> str:
    """How a view is made, in a line; computes no map. Raises WeightsError, DataError."""
    spec = view.map
    source = resolve(engine, spec)
    facts = {**_how(source), **_made_with(source)}
    synthetic = datasets.open_dataset(spec.features.slices.data).synthetic
    digests = (
        f"{name} {facts[f'{name}_digest'][:12]}"
        for name in ("scan", "weights", "checkpoint")
        if facts[f"{name}_digest"]
    )
    parts = (
        words.SYNTHETIC if synthetic else "",
        _method(facts),
        spec.features.slices.modality,
        f"threshold {view.threshold.rule}",
        ledger(source, view.threshold).short,
        _mask(view),
        f"empty slices: {EMPTY_RULES[view.readout.empty_slices].words}",
        *digests,
        f"{facts['product']} {facts['version']}, {_device(facts)}",
        facts["batch"],
        words.NO_DEVICE,
    )
    return words.legible(" · ".join(filter(None, parts)))


def _method(facts: dict[str, str]) -> str:
    texts = f" · prompts {facts['prompts']}" if "prompts" in facts else ""
    return f"{facts['method_title']} · {facts['setup']}{texts}"


def _device(facts: dict[str, str]) -> str:
    precision = facts.get("precision_of_features", "no image tower")
    return f"{precision} on {facts['device']}"


def _facts(engine: Engine, reading: Reading, index: int | None) -> dict[str, str]:
    view, spec = reading.view, reading.view.map
    slices, high = spec.features.slices, reading.anomaly.high
    data = datasets.open_dataset(slices.data)
    rule, source = view.threshold, resolve(engine, spec)
    return {
        "shows": words.scan_title(reading, index),
        "synthetic": words.SYNTHETIC if data.synthetic else "",
        "data": data.title,
        "subject": slices.subject,
        "modality": slices.modality,
        "plane": slices.plane,
        "slice": "" if index is None else f"{index + 1} of {len(reading.stack.image)}",
        "first_slice": FIRST[slices.plane],
        **_how(source),
        "threshold": f"{threshold_text(rule.value)} of 0 … {high:g}",
        "threshold_rule": f"{rule.rule}: {rule.note}" if rule.note else rule.rule,
        **ledger(source, rule).facts,
        "mask": _mask(view),
        "empty_slices": EMPTY_RULES[view.readout.empty_slices].words,
        **_made_with(source),
        "no_device": words.NO_DEVICE,
    }


def _how(source: MapSource) -> dict[str, str]:
    """Method, setup, backbone and texts."""
    spec, method, prompts = source.spec, source.method, source.spec.prompts
    backbone = _portable(asdict(spec.features.backbone)).values()
    facts = {
        "method": spec.method,
        "method_title": method.title,
        "method_source": method.source,
        "setup": spec.setup,
        "setup_provenance": source.setup.provenance,
        "options": ", ".join(f"{name}={value}" for name, value in spec.options),
        "backbone": " ".join(filter(None, backbone)) if method.needs_tower else "",
        "normal_slices": ", ".join(map(written, spec.references)),
        "scored_against": ", ".join(stored_cubes.others(spec)) if spec.volumes else "",
    }
    if method.prompts:
        facts |= {
            "prompts": prompts.name,
            "class_word": prompts.class_name,
            "normal_texts": " | ".join(prompts.normal),
            "abnormal_texts": " | ".join(prompts.abnormal),
            "templates": " | ".join(prompts.templates),
        }
    return facts


def _mask(view: View) -> str:
    region = view.map.features.slices.data.region
    where = f"Mask inside the {region}" if view.readout.brain_only else "Mask anywhere"
    smallest = view.readout.min_component_voxels
    return f"{where}, components under {smallest} voxels dropped" if smallest > 1 else where


def _made_with(source: MapSource) -> dict[str, str]:
    facts = provenance.of_map(source, 0)
    facts["batch"] = BATCH if source.method.last_bits else ""
    return {"product": words.PRODUCT, **{name: str(value) for name, value in facts.items()}}


def _portable(value: Any) -> Any:  # noqa: ANN401
    """The value without folders of this machine: an absolute path becomes its file name."""
    if isinstance(value, dict):
        return {name: "" if name == "root" else _portable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_portable(item) for item in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value
