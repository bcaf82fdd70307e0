"""What a number was made with: versions, device, digests."""

import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from zsad_core import backbones, setups
from zsad_core.inference.engine import Engine
from zsad_core.types import MapSpec

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def version() -> str:
    """Version of the project, as its pyproject.toml has it; "" where that is not there.

    >>> version().count(".")
    2
    """
    lines = PROJECT.read_text().splitlines() if PROJECT.is_file() else []
    return next((line.split('"')[1] for line in lines if line.startswith("version = ")), "")


def of_map(engine: Engine, spec: MapSpec, batch: int) -> dict[str, object]:
    """Columns that say what a map was made with; raises WeightsError, DataError."""
    tower = spec.features.recipe is not None
    return {
        "version": version(),
        "python": platform.python_version(),
        "numpy": metadata.version("numpy"),
        "torch": metadata.version("torch"),
        "device": engine.device,
        "device_name": backbones.device_name(engine.device),
        "precision_of_features": spec.features.precision if tower else "",
        "batch": batch,
        "scan_digest": engine.digest(spec.features.slices),
        "checkpoint_digest": setups.digest(setups.find(spec.method, spec.setup)),
        "weights_digest": backbones.info(spec.features.backbone).digest if tower else "",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
