"""What a number was made with: versions, device, digests."""

import platform
from datetime import UTC, datetime
from importlib import metadata

from zsad_core import backbones, setups
from zsad_core.base.version import VERSION
from zsad_core.inference.sources import MapSource


def of_map(source: MapSource, batch: int) -> dict[str, object]:
    """Columns that say what a map was made with; raises WeightsError, DataError."""
    engine, features = source.engine, source.spec.features
    tower = source.method.needs_tower
    return {
        "version": VERSION,
        "python": platform.python_version(),
        "numpy": metadata.version("numpy"),
        "torch": metadata.version("torch"),
        "device": engine.device.partition(":")[0],  # whichever of several
        "device_name": backbones.device_name(engine.device),
        "precision_of_features": features.precision if tower else "",
        "batch": batch,
        "scan_digest": engine.digest(features.slices),
        "checkpoint_digest": setups.digest(source.setup),
        "weights_digest": backbones.info(features.backbone).digest if tower else "",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
