"""VisA: its own CSV says what is in which part (Zou et al. 2022)."""

import csv
from collections.abc import Iterator
from pathlib import Path

from zsad_core.errors import DataError
from zsad_core.imaging.image_sets.pictures import Picture, existing

SPLIT = "split_csv/1cls.csv"
SIGN = f"{SPLIT} and the files it names"
COLUMNS = ("object", "split", "label", "image", "mask")


def pictures(root: Path) -> Iterator[Picture]:
    """The test part in the order of the CSV; raises DataError for a missing file that it names.

    A mask holds small numbers, one for each kind of defect; every one counts.
    """
    with (root / SPLIT).open(newline="") as stream:
        rows = csv.DictReader(stream)
        lacking = set(COLUMNS) - set(rows.fieldnames or ())
        if lacking:
            raise DataError(
                f"'{root / SPLIT}' lacks the columns {', '.join(sorted(lacking))}; it must hold "
                f"{', '.join(COLUMNS)}."
            )
        for row in (row for row in rows if row["split"] == "test"):
            image = existing(root / row["image"], "image", root / SPLIT)
            abnormal = row["label"] != "normal"
            if abnormal and not row["mask"]:
                raise DataError(f"'{root / SPLIT}' names no mask for '{row['image']}'; add it.")
            mask = existing(root / row["mask"], "mask", image) if abnormal else None
            yield Picture(image, row["object"], abnormal, mask, row["image"])
