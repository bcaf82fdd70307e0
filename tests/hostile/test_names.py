"""Names drawn at random, of all of Unicode and of what is a pattern or a mark somewhere."""

import csv
import random
import unicodedata

import nibabel as nib
import numpy as np
import pytest

from tests.helpers.rows import row
from zsad_core.imaging import datasets
from zsad_core.results import merging
from zsad_core.results import parquet as results
from zsad_core.types import DataSpec

MARKS = "[]*?$^_{}<>%'\"#~&;,=+-@!()|` "
CHANCE = random.Random(6)


def drawn_name():
    """Half marks, half letters of any script, as a file may be called."""
    letters = []
    while len(letters) < 8:
        letter = chr(CHANCE.randrange(0x21, 0x30000))
        if letter.isprintable() and letter not in "/\\":
            letters += [letter, CHANCE.choice(MARKS)]
    name = unicodedata.normalize("NFC", "".join(CHANCE.sample(letters, 8))).strip(" .")
    return f"{name}a"


NAMES = [*dict.fromkeys(drawn_name() for _ in range(40)), "a tab\tand\rmore", "two\nlines"]


@pytest.mark.parametrize("name", NAMES[:3])
def test_rows_in_a_folder_of_any_name_are_read_merged_and_written(tmp_path, name):
    root = tmp_path / name
    for number, subject in enumerate(NAMES):
        key = f"{number:03d}"
        results.append(root, "subjects", key, [row("subjects", key=key, subject=subject)])
        results.append(root, "slices", key, [row("slices", key=key)])
        if number % 15 == 0:
            merging.merge(root)
    with results.connect(root) as rows:
        assert rows.execute("SELECT subject FROM subjects ORDER BY key").fetchall() == [
            (subject,) for subject in NAMES
        ]
    path, _ = results.export_csv(root, tmp_path / "csv" / name)
    with path.open(encoding="utf-8-sig", newline="") as lines:
        written = [line["subject"] for line in csv.DictReader(lines)]
    assert written == [f"'{n}" if n[0] in "=+-@" else n for n in NAMES]


def test_scans_of_any_name_are_found_beside_their_masks(tmp_path):
    root = tmp_path / NAMES[0]
    root.mkdir()
    values = np.zeros((12, 12, 8), np.int16)
    for number, name in enumerate(NAMES):
        values[2:10, 2:10, 1:7] = 100 + number
        scan = nib.Nifti1Image(values, np.eye(4))
        nib.save(scan, root / f"{name}.nii")
        if number % 2:
            nib.save(
                nib.Nifti1Image((values > 0).astype(np.uint8), np.eye(4)), root / f"{name}_seg.nii"
            )
    dataset = datasets.open_dataset(DataSpec("folder", str(root)))
    assert {subject.id: subject.has_truth for subject in dataset.subjects()} == {
        name: bool(number % 2) for number, name in enumerate(NAMES)
    }
    for number, name in enumerate(NAMES[:5]):
        assert dataset.load(name, "scan").intensity.max() == 100 + number
