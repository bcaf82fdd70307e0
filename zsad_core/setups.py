"""Training setups: (method, setup) to backbone, checkpoint and provenance.

The paper names four setups and does not say in detail how each was trained; what each entry says
of them is INFERRED from public sources.
"""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from zsad_core import backbones, methods
from zsad_core.errors import WeightsError
from zsad_core.methods.aprilgan import read_official
from zsad_core.types import BackboneSpec, FloatArray

CHECKPOINTS = Path(__file__).parent / "training" / "checkpoints"
DEMO, PMC = BackboneSpec("demo"), BackboneSpec("demo-pmc")


@dataclass(frozen=True)
class Setup:
    """A trained state of a method; `checkpoint` is a file name, "" where nothing is learned."""

    method: str
    setup: str
    backbone: BackboneSpec
    checkpoint: str
    provenance: str


def _entry(method: str, setup: str, backbone: BackboneSpec, provenance: str) -> Setup:
    learned = methods.METHODS[method].learned
    checkpoint = f"{method}-{setup}.safetensors" if learned else ""
    return Setup(method, setup, backbone, checkpoint, provenance)


_ENTRIES = (
    _entry("aprilgan", "brats", DEMO, "Demo CLIP; linear layers trained from scratch on the "
           "synthetic training subjects. The paper's `brats`, as we infer it."),
    _entry("aprilgan", "finetune", DEMO, "Demo CLIP; the industrial layers, trained further on the "
           "synthetic training subjects. The paper's `finetune`, as we infer it."),
    _entry("aprilgan", "industrial", DEMO, "Demo CLIP; linear layers trained on drawn surfaces "
           "with defects, no brain seen. The paper's `industrial`, as we infer it."),
    _entry("aprilgan", "pmc", PMC, "Demo CLIP trained further on medical captions; linear layers "
           "from scratch on the synthetic training subjects. The paper's `pmc`, as we infer it."),
    _entry("winclip", "zero-shot", DEMO, "Demo CLIP, no training for anomalies."),
    _entry("winclip", "pmc", PMC, "Demo CLIP trained further on medical captions; no training for "
           "anomalies."),
    _entry("intensity", "zero-shot", DEMO, "No model: brightness itself."),
)  # fmt: skip
SETUPS = {(entry.method, entry.setup): entry for entry in _ENTRIES}


def available(method: str) -> tuple[Setup, ...]:
    """Setups of a method whose files are all there."""
    return tuple(
        entry for (name, _), entry in SETUPS.items() if name == method and not missing(entry)
    )


def missing(entry: Setup) -> str:
    """What lacks, where it was looked for and how to get it, in one sentence; "" if nothing."""
    try:
        if methods.METHODS[entry.method].needs_tower:
            backbones.info(entry.backbone)
        learned(entry)
    except WeightsError as error:
        return str(error)
    return ""


def learned(entry: Setup) -> dict[str, FloatArray] | None:
    """Tensors of the setup's checkpoint under official names; None where nothing is learned."""
    if not entry.checkpoint:
        return None
    path = CHECKPOINTS / entry.checkpoint
    if not path.is_file():
        raise WeightsError(
            f"{entry.checkpoint} is not in {CHECKPOINTS}; get it with the project, or train it: "
            f"python -m zsad_core train --method {entry.method} --setup {entry.setup}."
        )
    return _read(path, path.stat().st_mtime_ns)


def digest(entry: Setup) -> str:
    """SHA-256 of the checkpoint; "" where nothing is learned. Raises WeightsError if missing."""
    found = learned(entry)
    if found is None:
        return ""
    content = b"".join(name.encode() + value.tobytes() for name, value in sorted(found.items()))
    return hashlib.sha256(content).hexdigest()


def read_checkpoint(path: Path) -> dict[str, FloatArray]:
    """Linear layers of APRIL-GAN: safetensors with `fc.i.*`, or the official `.pth`.

    Raises WeightsError for a file that is missing, cannot be read as plain tensors, or holds
    something else.
    """
    if not path.is_file():
        raise WeightsError(f"There is no checkpoint '{path}'; check the path.")
    try:
        found = load_file(path) if path.suffix == ".safetensors" else read_official(path)
    except SafetensorError as error:
        raise WeightsError(f"'{path}' is not a whole safetensors file ({error}).") from error
    names = {f"fc.{i}.{part}" for i in range(4) for part in ("weight", "bias")}
    if set(found) != names:
        raise WeightsError(
            f"'{path}' holds {', '.join(sorted(found)[:3]) or 'nothing'}; expected fc.0.weight to "
            "fc.3.bias, as APRIL-GAN's checkpoints do."
        )
    return {name: np.asarray(value, np.float32) for name, value in found.items()}


@functools.lru_cache(16)
def _read(path: Path, changed: int) -> dict[str, FloatArray]:
    return read_checkpoint(path)
