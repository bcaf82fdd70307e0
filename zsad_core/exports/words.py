"""What an export says: what it shows, how it was made, and that it is no medical device."""

import json
import re
import unicodedata
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from zsad_core import datasets, methods, provenance, setups, stored_cubes
from zsad_core.cohort.captions import EMPTY
from zsad_core.engine import Engine
from zsad_core.exports.reading import Reading
from zsad_core.references import written
from zsad_core.types import MapSpec, Plane
from zsad_core.views import View

PRODUCT = "ZSAD Explorer"
NO_DEVICE = "Research software, no medical device: not for diagnosis or treatment."
SYNTHETIC = "Synthetic demo scan, not a patient."
UNWRITABLE = ("Cc", "Cs", "Cn")  # control characters, half pairs, no characters: no XML holds them
LONGEST_NAME = 120
FIRST: dict[Plane, str] = {
    "axial": "the first at the feet",
    "coronal": "the first at the back",
    "sagittal": "the first at the patient's left",
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


def statement(engine: Engine, reading: Reading) -> Statement:
    """The words of a view that was read; raises WeightsError, DataError."""
    facts = _facts(engine, reading)
    facts = {name: legible(value) for name, value in facts.items() if value}
    product = f"{facts['product']} {facts['version']}, {_device(facts)}."
    made = (facts.get("synthetic", ""), product, f"{facts['mask']}.")
    return Statement(
        title=facts["shows"],
        method=_method(facts),
        numbers=_numbers(reading),
        threshold=f"Threshold {facts['threshold']}, {facts['threshold_rule']}",
        made=" ".join(filter(None, made)),
        facts=facts,
        spec=_spec(reading),
    )


def shown(reading: Reading, index: int) -> str:
    """Subject, modality and one of its slices, counted from 1."""
    slices, count = reading.view.map.features.slices, len(reading.stack.image)
    place = f"{slices.plane} slice {index + 1} of {count}"
    return legible(f"{slices.subject} · {slices.modality} · {place}")


def legible(text: str) -> str:
    r"""Text on one line, without characters that XML cannot hold.

    >>> legible("a\x00b\nc")
    'ab c'
    """
    joined = " ".join(text.split())
    return "".join(one for one in joined if unicodedata.category(one) not in UNWRITABLE)


def file_name(view: View, suffix: str) -> str:
    """A name that says what the file is of, in letters, digits, dot, dash and underscore.

    >>> from zsad_core.types import BackboneSpec, FeatureSpec, PromptSet, SliceSpec, Threshold
    >>> features = FeatureSpec(SliceSpec(subject="../a b"), None, BackboneSpec(), "float32")
    >>> spec = MapSpec(features, "winclip", "zero-shot", PromptSet("", (), ()))
    >>> file_name(View(spec, 70, Threshold(128, "fixed")), ".png")
    'a-b_t2f_axial-071_winclip_zero-shot.png'
    """
    slices = view.map.features.slices
    place = f"{slices.plane}-{view.index + 1:03d}"
    parts = (slices.subject, slices.modality, place, view.map.method, view.map.setup)
    return "_".join(map(safe, parts))[:LONGEST_NAME] + suffix


def safe(text: str) -> str:
    """A part of a file name.

    >>> safe("a/b: ö"), safe("..")
    ('a-b', 'x')
    """
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-.") or "x"


def number(value: float | None, digits: int = 3) -> str:
    """A number for a reader; a dash where there is none.

    >>> number(0.5), number(float("nan"))
    ('0.500', '–')
    """
    return "–" if value is None or value != value else f"{value:.{digits}f}"


def slice_numbers(reading: Reading, index: int) -> str:
    """Dice and areas of one slice."""
    _, truth, predicted, _ = (int(n) * reading.pixel_mm2 / 100 for n in reading.counts[index])
    told = f"predicted {predicted:.1f} cm²"
    if reading.stack.truth is None:
        return told
    return f"Dice {number(reading.dice(index))} · truth {truth:.1f} cm² · {told}"


def _numbers(reading: Reading) -> str:
    found = reading.readout
    told = f"predicted {found.predicted_ml:.1f} ml"
    if found.dice_3d is None:
        none = "no segmentation" if reading.stack.truth is None else "no lesion in the truth"
        return f"Volume: {told} ({none}, so no Dice)"
    return (
        f"Volume: Dice {number(found.dice_3d)} · best Dice {number(found.best_dice)} (oracle) · "
        f"AUROC {number(found.auroc)} · truth {found.truth_ml:.1f} ml · {told}"
    )


def _method(facts: dict[str, str]) -> str:
    texts = f" · prompts {facts['prompts']}" if "prompts" in facts else ""
    return f"{facts['method_title']} · {facts['setup']}{texts}"


def _device(facts: dict[str, str]) -> str:
    precision = facts.get("precision_of_features", "no image tower")
    return f"{precision} on {facts['device']}"


def _facts(engine: Engine, reading: Reading) -> dict[str, str]:
    view, spec = reading.view, reading.view.map
    slices, high = spec.features.slices, reading.anomaly.high
    data = datasets.open_dataset(slices.data)
    value, rule = view.threshold.level / 255 * high, view.threshold
    return {
        "shows": shown(reading, view.index),
        "synthetic": SYNTHETIC if data.synthetic else "",
        "data": data.title,
        "subject": slices.subject,
        "modality": slices.modality,
        "plane": slices.plane,
        "slice": f"{view.index + 1} of {len(reading.stack.image)}, {FIRST[slices.plane]}",
        **_how(spec),
        "threshold": f"{value:.3f} of 0 … {high:g} (level {rule.level} of 255)",
        "threshold_rule": f"{rule.rule}: {rule.note}" if rule.note else rule.rule,
        "mask": _mask(view),
        "empty_slices": EMPTY[view.readout.empty_slices],
        **_made_with(engine, spec),
        "no_device": NO_DEVICE,
    }


def _how(spec: MapSpec) -> dict[str, str]:
    """Method, setup, backbone and texts."""
    entry, prompts = setups.find(spec.method, spec.setup), spec.prompts
    reads = methods.METHODS[spec.method].prompts
    found = {
        "method": spec.method,
        "method_title": methods.METHODS[spec.method].title,
        "method_source": methods.METHODS[spec.method].source,
        "setup": spec.setup,
        "setup_provenance": entry.provenance,
        "options": ", ".join(f"{name}={value}" for name, value in spec.options),
        "backbone": _backbone(spec) if spec.features.recipe else "",
        "normal_slices": ", ".join(map(written, spec.references)),
        "scored_against": ", ".join(stored_cubes.others(spec)) if spec.volumes else "",
    }
    if reads:
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


def _made_with(engine: Engine, spec: MapSpec) -> dict[str, str]:
    found = provenance.of_map(engine, spec, 0)
    del found["batch"]  # stored features do not tell in which batch they were encoded
    return {"product": PRODUCT, **{name: str(value) for name, value in found.items()}}


def _spec(reading: Reading) -> dict[str, Any]:
    return _placeless(asdict(replace(reading.view, readout=reading.spec)))


def _placeless(found: Any) -> Any:  # noqa: ANN401
    """The same without folders of this machine: of an absolute path the file name is left."""
    if isinstance(found, dict):
        return {name: "" if name == "root" else _placeless(one) for name, one in found.items()}
    if isinstance(found, list | tuple):
        return [_placeless(one) for one in found]
    return Path(found).name if isinstance(found, str) and Path(found).is_absolute() else found
