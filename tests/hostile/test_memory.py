"""Files that unpack to gigabytes are refused by their headers, in little memory."""

import gzip
import io
import json
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from zsad_core.imaging.datasets.files import PIECE

GIGABYTES = 1.5
MEASURED = """
import json, sys
from pathlib import Path
from bench.memory import peak_gb
from zsad_core.errors import ZsadError
from zsad_core.imaging import datasets
from zsad_core.types import DataSpec
from zsad_core import setups
import scipy.ndimage, torch
from zsad_core.backbones import tensor_files

path, before = Path(sys.argv[1]), peak_gb()
try:
    if path.suffix == ".pt":
        setups.read_checkpoint("aprilgan", path)
    else:
        datasets.open_dataset(DataSpec("folder", str(path.parent))).load("bomb", "scan")
    print(json.dumps(["read", 0]))
except ZsadError as error:
    print(json.dumps([str(error), peak_gb() - before]))
"""

RECEIVED = """
import io, json, sys
from pathlib import Path
from bench.memory import peak_gb
from zsad_core.imaging.uploads.folders import own_folder
from zsad_core.imaging.uploads.receive import receive
import scipy.ndimage

folder, before = Path(sys.argv[1]), peak_gb()
streams = [(path.name, path.open("rb")) for path in sorted(folder.glob("*.nii.gz"))]
[outcome] = receive(own_folder("a" * 32), streams)
print(json.dumps([outcome.subject, outcome.message, peak_gb() - before]))
"""


def scan_that_unpacks_to_gigabytes(path):
    """A header of few voxels, and gigabytes of zeros."""
    packer = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
    header = nib.Nifti1Image(np.zeros((8, 8, 8), np.int16), np.eye(4)).to_bytes()
    with path.open("wb") as file:
        file.write(packer.compress(header))
        for _ in range(int(GIGABYTES * 2**30) // PIECE):
            file.write(packer.compress(bytes(PIECE)))
        file.write(packer.flush())


def tensors_that_unpack_to_gigabytes(path):
    """A zip as torch writes it, but packed, with a storage of gigabytes of zeros."""
    whole = io.BytesIO()
    torch.save({"trainable_linearlayer": {"fc.0.weight": torch.zeros(8, 8)}}, whole)
    with zipfile.ZipFile(whole) as plain, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        for member in plain.infolist():
            if not member.filename.endswith("data/0"):
                bomb.writestr(member.filename, plain.read(member))
                continue
            with bomb.open(member.filename, "w", force_zip64=True) as storage:
                for _ in range(int(GIGABYTES * 2**30) // PIECE):
                    storage.write(bytes(PIECE))


@pytest.mark.parametrize(
    ("name", "write", "sentence"),
    [
        ("bomb.nii.gz", scan_that_unpacks_to_gigabytes, "far more than its header announces"),
        ("bomb.pt", tensors_that_unpack_to_gigabytes, "is packed as torch packs no file"),
    ],
)
def test_what_unpacks_to_gigabytes_is_refused_in_little_memory(tmp_path, name, write, sentence):
    write(tmp_path / name)
    assert (tmp_path / name).stat().st_size < 2**25
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tmp_path / name)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    message, grown_gb = json.loads(done.stdout)
    assert sentence in message
    assert grown_gb < 0.3


def test_the_largest_upload_with_its_mask_takes_less_than_2_gb(tmp_path):
    values = np.zeros((512, 512, 400), np.float32)
    values[100:400, 100:400, 100:300] = 100
    values[200:220, 200:220, 200:210] = 220
    for name, content in (("head", values), ("head_seg", (values > 200).astype(np.uint8))):
        packed = gzip.compress(nib.Nifti1Image(content, np.eye(4)).to_bytes(), 1)
        (tmp_path / f"{name}.nii.gz").write_bytes(packed)
    del values, content, packed
    done = subprocess.run(
        [sys.executable, "-c", RECEIVED, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    subject, message, gigabytes = json.loads(done.stdout.splitlines()[-1])
    assert subject, message
    assert gigabytes < 2
