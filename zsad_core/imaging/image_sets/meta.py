"""The index of the official trainings: meta.json names images, masks and classes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zsad_core.errors import DataError
from zsad_core.imaging.image_sets.pictures import Picture, existing

NAME = "meta.json"
SIGN = "meta.json with {test: {CLASS: [{img_path, mask_path, anomaly}, …]}}"


def pictures(root: Path) -> Iterator[Picture]:
    """The test part, class by class; raises DataError for a missing file that it names.

    An abnormal image with an empty mask path, or a folder there, is known by its label alone.
    """
    for name, rows in _index(root / NAME).items():
        for row in rows:
            image = existing(root / row["img_path"], "image", root / NAME)
            mask, abnormal = root / (row.get("mask_path") or ""), bool(row["anomaly"])
            drawn = existing(mask, "mask", image) if abnormal and not mask.is_dir() else None
            yield Picture(image, name, abnormal, drawn, str(row["img_path"]))


def _index(path: Path) -> dict[str, list[dict[str, Any]]]:
    try:
        index: dict[str, list[dict[str, Any]]] = json.loads(path.read_text())["test"]
        for rows in index.values():
            for row in rows:
                int(row["anomaly"]), str(row["img_path"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"'{path}' cannot be read ({type(error).__name__}: {error}); expected {SIGN}."
        ) from error
    return index
