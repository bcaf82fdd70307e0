"""What a number was made with: versions, device, digests."""

import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from zsad_core import backbones, setups
from zsad_core.inference.sources import MapSource

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def version() -> str:
    """Version of the project, as its pyproject.toml has it; "" where that is not there.

    >>> version().count(".")
    2
    """
    lines = PROJECT.read_text().splitlines() if PROJECT.is_file() else []
    return next((line.split('"')[1] for line in lines if line.startswith("version = ")), "")


def of_map(source: MapSource, batch: int) -> dict[str, object]:
    """Columns that say what a map was made with; raises WeightsError, DataError."""
    engine, features = source.engine, source.spec.features
    tower = source.method.needs_tower
    return {
        "version": version(),
        "python": platform.python_version(),
        "numpy": metadata.version("numpy"),
        "torch": metadata.version("torch"),
        "device": engine.device,
        "device_name": backbones.device_name(engine.device),
        "precision_of_features": features.precision if tower else "",
        "batch": batch,
        "scan_digest": engine.digest(features.slices),
        "checkpoint_digest": setups.digest(source.setup),
        "weights_digest": backbones.info(features.backbone).digest if tower else "",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
