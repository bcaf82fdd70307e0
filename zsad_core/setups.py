"""Training setups: (method, setup) to backbone, checkpoint and provenance; shipped and own ones.

The paper names four setups and does not say in detail how each was trained; what each entry says
of them is INFERRED from public sources.
"""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load_file

from zsad_core import backbones, methods, settings
from zsad_core.errors import DataError, SettingError, WeightsError
from zsad_core.methods.checkpoints import read_official
from zsad_core.types import BackboneSpec, FloatArray

CHECKPOINTS = Path(__file__).parent / "training" / "checkpoints"
FINER = (("image_size", "336"),)  # 1.5 times the demo's own, as the official 518 px are of 336
DEMO, PMC = BackboneSpec("demo"), BackboneSpec("demo-pmc")


@dataclass(frozen=True)
class Setup:
    """A trained state of a method.

    `checkpoint` is a shipped file's name or an own file's path, "" where nothing is learned;
    `options` are fields set on the method, as text.
    """

    method: str
    setup: str
    backbone: BackboneSpec
    checkpoint: str
    provenance: str
    options: tuple[tuple[str, str], ...] = ()


def _entry(method: str, setup: str, backbone: BackboneSpec, provenance: str) -> Setup:
    learned = methods.METHODS[method].learned
    checkpoint = f"{method}-{setup}.safetensors" if learned else ""
    return Setup(method, setup, backbone, checkpoint, provenance, FINER if learned else ())


_ENTRIES = (
    _entry("aprilgan", "brats", DEMO, "Demo CLIP; linear layers trained from scratch on the "
           "synthetic training subjects. The paper's `brats`, as we infer it."),
    _entry("aprilgan", "finetune", DEMO, "Demo CLIP; the industrial layers, trained further on the "
           "synthetic training subjects. The paper's `finetune`, as we infer it."),
    _entry("aprilgan", "industrial", DEMO, "Demo CLIP; linear layers trained on drawn surfaces "
           "with defects, no brain seen. The paper's `industrial`, as we infer it."),
    _entry("aprilgan", "pmc", PMC, "Demo CLIP trained further on medical captions; linear layers "
           "from scratch on the synthetic training subjects. The paper's `pmc`, as we infer it."),
    _entry("anomalyclip", "brats", DEMO, "Demo CLIP; prompts learned from scratch on the synthetic "
           "training subjects. The paper's `brats`, as we infer it."),
    _entry("anomalyclip", "finetune", DEMO, "Demo CLIP; the industrial prompts, trained further on "
           "the synthetic training subjects. The paper's `finetune`, as we infer it."),
    _entry("anomalyclip", "industrial", DEMO, "Demo CLIP; prompts learned on drawn surfaces with "
           "defects, no brain seen. The paper's `industrial`, as we infer it."),
    _entry("anomalyclip", "pmc", PMC, "Demo CLIP trained further on medical captions; prompts "
           "learned from scratch on the synthetic training subjects. The paper's `pmc`, as we "
           "infer it."),
    _entry("winclip", "zero-shot", DEMO, "Demo CLIP, no training for anomalies."),
    _entry("winclip", "pmc", PMC, "Demo CLIP trained further on medical captions; no training for "
           "anomalies."),
    _entry("winclip", "laion400m-b16-240", BackboneSpec("ViT-B-16-plus-240", "laion400m_e31"),
           "The CLIP of WinCLIP's re-implementations, at its own 240 px; no training for "
           "anomalies."),
    _entry("winclip", "openai-l14-336", BackboneSpec("ViT-L-14-336-quickgelu", "openai"),
           "The CLIP of APRIL-GAN, with the activation OpenAI trained it with, at its own 336 px; "
           "no training for anomalies."),
    _entry("winclip", "pmc-l14", BackboneSpec("hf-hub:ryanyip7777/pmc_vit_l_14"),
           "CLIP trained on PubMed Central figures, which the paper's `pmc` used as we infer it; "
           "no training for anomalies."),
    _entry("intensity", "zero-shot", DEMO, "No model: brightness itself."),
)  # fmt: skip
SETUPS = {(entry.method, entry.setup): entry for entry in _ENTRIES}


def entries() -> dict[tuple[str, str], Setup]:
    """Shipped setups, then the user's own, which never replace one; raises DataError."""
    own = (_parsed(row) for row in settings.own_setups())
    return {**SETUPS, **{k: e for e in own if (k := (e.method, e.setup)) not in SETUPS}}


def of_method(method: str) -> list[Setup]:
    """The setups of one method."""
    return [entry for entry in entries().values() if entry.method == method]


def find(method: str, setup: str) -> Setup:
    """The setup of that name; raises SettingError."""
    found = entries().get((method, setup))
    if found is None:
        raise SettingError(f"There is no setup '{setup}' of method '{method}'; choose another.")
    return found


def available(method: str) -> tuple[Setup, ...]:
    """Setups of a method whose files are all there and fit each other."""
    return tuple(entry for entry in of_method(method) if not missing(entry))


def missing(entry: Setup) -> str:
    """What lacks or does not fit, where it was looked for and what to do; "" if nothing."""
    try:
        check(entry)
        tower = methods.METHODS[entry.method].needs_tower
        return backbones.unfetched(entry.backbone) if tower else ""
    except (WeightsError, SettingError) as error:
        return str(error)


def check(entry: Setup) -> None:
    """Raise WeightsError or SettingError for what is missing or does not fit.

    What open_clip has yet to fetch is no error here: `backbones.unfetched` tells it.
    """
    method, found = methods.build(entry.method, entry.options), learned(entry)
    if not method.needs_tower or not backbones.known(entry.backbone):
        return
    about = backbones.info(entry.backbone)
    method.recipe(about)
    if found is None:
        return
    try:
        method.checkpoint(found, about)
    except WeightsError as error:
        raise WeightsError(
            f"The checkpoint '{entry.checkpoint}' does not fit the backbone '{about.name}': "
            f"{error}; choose the checkpoint trained on this backbone."
        ) from error


def learned(entry: Setup) -> dict[str, FloatArray] | None:
    """Tensors of the setup's checkpoint under official names; None where nothing is learned."""
    if not entry.checkpoint:
        return None
    path = CHECKPOINTS / entry.checkpoint
    shipped = (entry.method, entry.setup) in SETUPS
    if shipped and not path.is_file():
        raise WeightsError(
            f"{entry.checkpoint} is not in {CHECKPOINTS}; get it with the project, or train it: "
            f"python -m zsad_core train --method {entry.method} --setup {entry.setup}."
        )
    if not path.is_file():
        return read_checkpoint(entry.method, path)
    return _read(entry.method, path, path.stat().st_mtime_ns)


def digest(entry: Setup) -> str:
    """SHA-256 of the checkpoint; "" where nothing is learned. Raises WeightsError if missing."""
    found = learned(entry)
    if found is None:
        return ""
    content = b"".join(name.encode() + value.tobytes() for name, value in sorted(found.items()))
    return hashlib.sha256(content).hexdigest()


def read_checkpoint(method: str, path: Path) -> dict[str, FloatArray]:
    """What a method uses of a file: safetensors, or the official checkpoint.

    Raises WeightsError for a file that is missing, cannot be read as plain tensors, or holds
    something else.
    """
    if not path.is_file():
        raise WeightsError(f"There is no checkpoint '{path}'; check the path.")
    chosen = methods.build(method)
    try:
        official = path.suffix != ".safetensors"
        found = read_official(path, chosen.official) if official else load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"'{path}' is not a whole safetensors file ({error}).") from error
    try:
        return chosen.checkpoint(found, None)
    except WeightsError as error:
        raise WeightsError(f"'{path}' is no checkpoint of {chosen.title}: {error}.") from error


@functools.lru_cache(16)
def _read(method: str, path: Path, changed: int) -> dict[str, FloatArray]:
    return read_checkpoint(method, path)


def _parsed(row: dict[str, Any]) -> Setup:
    """An own setup from what `own_setups` kept of it."""
    try:
        backbone = BackboneSpec(**row["backbone"])
        options = tuple((str(name), str(value)) for name, value in row["options"])
        return Setup(**{**row, "backbone": backbone, "options": options})
    except (TypeError, KeyError, ValueError) as error:
        raise DataError(
            f"{settings.path()} holds a setup that cannot be read ({error}); correct it or delete "
            "it there."
        ) from error
