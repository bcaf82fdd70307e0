"""What an export says: what it shows, how it was made, and that it is not a medical device."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from zsad_core.exports.reading import Reading
from zsad_core.exports.words import NO_DEVICE, PRODUCT, SYNTHETIC, legible, shown, volume_numbers
from zsad_core.imaging import datasets
from zsad_core.inference import provenance, stored_cubes
from zsad_core.inference.engine import Engine
from zsad_core.inference.references import written
from zsad_core.inference.sources import MapSource, resolve
from zsad_core.inference.views import View
from zsad_core.metrics.dice import EMPTY_RULES
from zsad_core.types import MapSpec, Plane

FIRST: dict[Plane, str] = {
    "axial": "at the feet",
    "coronal": "at the back",
    "sagittal": "at the patient's left",
}


@dataclass(frozen=True)
class Statement:
    """What an export shows and how it was made, in words.

    `facts` say it one by one, in order; `spec` is the view as it is computed, without the place
    of the data on the machine.
    """

    title: str
    method: str
    numbers: str
    threshold: str
    made: str
    facts: dict[str, str]
    spec: dict[str, Any]

    def lines(self) -> str:
        """The facts, one a line."""
        return "\n".join(f"{name}: {value}" for name, value in self.facts.items())

    def as_json(self) -> str:
        """Facts and spec as JSON in ASCII."""
        return json.dumps({"facts": self.facts, "spec": self.spec}, indent=1)


def statement(engine: Engine, reading: Reading, whole: bool = False) -> Statement:
    """The words of a view that was read, or of its `whole` volume, whichever slice is in view.

    Raises WeightsError, DataError.
    """
    facts = _facts(engine, reading, None if whole else reading.view.index)
    facts = {name: legible(value) for name, value in facts.items() if value}
    product = f"{facts['product']} {facts['version']}, {_device(facts)}."
    made = (facts.get("synthetic", ""), product, f"{facts['mask']}.")
    return Statement(
        title=facts["shows"],
        method=_method(facts),
        numbers=volume_numbers(reading),
        threshold=f"Threshold {facts['threshold']}, {facts['threshold_rule']}",
        made=" ".join(filter(None, made)),
        facts=facts,
        spec=_spec(reading, whole),
    )


def in_a_line(engine: Engine, view: View) -> str:
    """How a view is made: method, setup, texts, rules, digests, device; no map is read.

    Raises WeightsError, DataError.
    """
    spec = view.map
    source = resolve(engine, spec)
    facts = {**_how(source), **_made_with(source)}
    synthetic = datasets.open_dataset(spec.features.slices.data).synthetic
    digests = (
        f"{name} {facts[f'{name}_digest'][:12]}"
        for name in ("scan", "weights", "checkpoint")
        if facts[f"{name}_digest"]
    )
    told = (
        SYNTHETIC if synthetic else "",
        _method(facts),
        spec.features.slices.modality,
        f"threshold {view.threshold.rule}",
        _mask(view),
        f"empty slices: {EMPTY_RULES[view.readout.empty_slices].words}",
        *digests,
        f"{facts['product']} {facts['version']}, {_device(facts)}",
        NO_DEVICE,
    )
    return legible(" · ".join(filter(None, told)))


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
        "shows": shown(reading, index),
        "synthetic": SYNTHETIC if data.synthetic else "",
        "data": data.title,
        "subject": slices.subject,
        "modality": slices.modality,
        "plane": slices.plane,
        "slice": "" if index is None else f"{index + 1} of {len(reading.stack.image)}",
        "first_slice": FIRST[slices.plane],
        **_how(source),
        "threshold": f"{rule.value:.6g} of 0 … {high:g}",
        "threshold_rule": f"{rule.rule}: {rule.note}" if rule.note else rule.rule,
        "mask": _mask(view),
        "empty_slices": EMPTY_RULES[view.readout.empty_slices].words,
        **_made_with(source),
        "no_device": NO_DEVICE,
    }


def _how(source: MapSource) -> dict[str, str]:
    """Method, setup, backbone and texts."""
    spec, method, prompts = source.spec, source.method, source.spec.prompts
    found = {
        "method": spec.method,
        "method_title": method.title,
        "method_source": method.source,
        "setup": spec.setup,
        "setup_provenance": source.setup.provenance,
        "options": ", ".join(f"{name}={value}" for name, value in spec.options),
        "backbone": _backbone(spec) if method.needs_tower else "",
        "normal_slices": ", ".join(map(written, spec.references)),
        "scored_against": ", ".join(stored_cubes.others(spec)) if spec.volumes else "",
    }
    if method.prompts:
        found |= {
            "prompts": prompts.name,
            "class_word": prompts.class_name,
            "normal_texts": " | ".join(prompts.normal),
            "abnormal_texts": " | ".join(prompts.abnormal),
            "templates": " | ".join(prompts.templates),
            "prompts_tuned_on": ", ".join(prompts.tuned_on),
        }
    return found


def _backbone(spec: MapSpec) -> str:
    return " ".join(filter(None, _placeless(asdict(spec.features.backbone)).values()))


def _mask(view: View) -> str:
    where = "Mask inside the brain" if view.readout.brain_only else "Mask anywhere"
    smallest = view.readout.min_component_voxels
    return f"{where}, components under {smallest} voxels dropped" if smallest > 1 else where


def _made_with(source: MapSource) -> dict[str, str]:
    found = provenance.of_map(source, 0)
    del found["batch"]  # stored features do not tell in which batch they were encoded
    return {"product": PRODUCT, **{name: str(value) for name, value in found.items()}}


def _spec(reading: Reading, whole: bool) -> dict[str, Any]:
    found: dict[str, Any] = _placeless(asdict(replace(reading.view, readout=reading.spec)))
    if whole:
        del found["index"]
    return found


def _placeless(found: Any) -> Any:  # noqa: ANN401
    """The same without folders of this machine: of an absolute path the file name is left."""
    if isinstance(found, dict):
        return {name: "" if name == "root" else _placeless(one) for name, one in found.items()}
    if isinstance(found, list | tuple):
        return [_placeless(one) for one in found]
    return Path(found).name if isinstance(found, str) and Path(found).is_absolute() else found
