"""Files that are damaged, cut short or no scan: refused in a sentence, in little memory."""

import gzip
import struct
import tracemalloc
import zlib

import nibabel as nib
import numpy as np
import pytest

from zsad_core.errors import DataError
from zsad_core.imaging.datasets import nifti


@pytest.mark.parametrize("cut", [-9, 0.5, 20])
def test_a_truncated_gzip_is_refused(tmp_path, write, scan, cut):
    path = write(tmp_path / "BraTS-t2w.nii.gz", scan)
    data = path.read_bytes()
    path.write_bytes(data[: cut if cut != 0.5 else len(data) // 2])
    with pytest.raises(DataError, match=r"BraTS-t2w\.nii\.gz' is a truncated gzip file; copy"):
        nifti.read_case(path)


def test_a_damaged_gzip_is_refused(tmp_path, write, scan):
    path = write(tmp_path / "scan.nii.gz", scan)
    data = bytearray(path.read_bytes())
    data[-6] ^= 0xFF  # in the CRC: every voxel can still be unpacked
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"scan\.nii\.gz' cannot be read as NIfTI \(its gzip"):
        nifti.read_case(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 400, b"x" * 1000])
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_is_no_nifti_is_refused_quietly(tmp_path, capsys, content, packed):
    path = tmp_path / "scan.nii"
    path.write_bytes(gzip.compress(content) if packed else content)
    why = {0: r" \(it is empty\)", 5: r" \(it is too short for a header\)"}.get(len(content), "")
    with pytest.raises(DataError, match=rf"scan\.nii' cannot be read as NIfTI{why}"):
        nifti.read_case(path)
    assert capsys.readouterr().err == ""


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"There is no file '.*gone\.nii'"):
        nifti.read_case(tmp_path / "gone.nii")


def test_fewer_voxels_than_announced_are_refused(tmp_path, write, scan):
    path = write(tmp_path / "scan.nii", scan)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="ends 40 bytes before the 12 x 14 x 10 voxels"):
        nifti.read_case(path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda a: np.stack([a, a], -1), r"has 4 dimensions \(12 x 14 x 10 x 2\)"),
        (lambda a: a[..., 0], r"has 2 dimensions \(12 x 14\)"),
        (lambda a: a * 0, "is empty: no voxel is above 0"),
        (lambda a: -a, "is empty: no voxel is above 0"),
        (lambda a: a * 0 + 7, "holds 7 in every voxel"),
        (lambda a: a.astype(np.float64) + 1e9, r"holds numbers from 1000000000 to \d+, of which"),
        (lambda a: np.where(a == a.max(), np.nan, a), "holds 1 voxel that is NaN or infinite"),
        (lambda a: np.where(a > 0, np.inf, a), "holds 640 voxels that are NaN or infinite"),
        (lambda a: np.where(a > 0, 1e300, 0.0), "holds 640 voxels that are NaN or infinite"),
        (lambda a: a.astype(np.complex64), "holds values of type complex64"),
        (
            lambda a: np.zeros(a.shape, [("R", "u1"), ("G", "u1"), ("B", "u1")]),
            r"holds colours \(RGB\)",
        ),
    ],
)
def test_what_is_no_scan_is_refused_with_its_finding(tmp_path, scan, change, sentence):
    nib.save(nib.Nifti1Image(change(scan), np.eye(4)), tmp_path / "scan.nii.gz")
    with pytest.raises(DataError, match=rf"scan\.nii\.gz' {sentence}"):
        nifti.read_case(tmp_path / "scan.nii.gz")


def test_an_affine_without_volume_is_refused(tmp_path, write, scan):
    path = write(tmp_path / "scan.nii", scan)
    image = nib.load(path)
    image.header["srow_z"], image.header["vox_offset"] = image.header["srow_x"], 352
    data = image.header.binaryblock + path.read_bytes()[348:]
    path.write_bytes(data)
    with pytest.raises(DataError, match="affine that is not finite or not invertible"):
        nifti.read_case(path)


def header_with(scan, fmt, at, *values):
    raw = bytearray(nib.Nifti1Image(scan, np.diag([2.0, 2, 2, 1])).to_bytes())
    struct.pack_into(fmt, raw, at, *values)
    return bytes(raw)


@pytest.mark.parametrize(
    ("fmt", "at", "values"),
    [
        ("<f", 108, (float("inf"),)),
        ("<f", 108, (float("nan"),)),
        ("<f", 108, (0.0,)),
        ("<f", 108, (100.0,)),
        ("<f", 116, (1e9,)),
        ("<12f", 280, (2, 0, 0, 0, 0, 2, -1e38, 0, 0, 0, 2, 0)),
        ("<12f", 280, (3e38, 0, 0, 0, 0, 3e38, 0, 0, 0, 0, 3e38, 0)),
        ("<h", 70, (0,)),
    ],
)
def test_a_header_that_no_library_bears_is_refused_in_a_sentence(tmp_path, scan, fmt, at, values):
    path = tmp_path / "scan.nii"
    path.write_bytes(header_with(scan, fmt, at, *values))
    with pytest.raises(DataError, match=r"scan\.nii'"):
        nifti.read_case(path)


@pytest.mark.parametrize(
    ("intercept", "sentence"),
    [
        (1e9, "of which float32 tells too few apart; correct scl_inter"),
        (float("nan"), "adds nan to its values; correct scl_inter"),
    ],
)
def test_an_intercept_that_leaves_no_contrast_is_named(tmp_path, scan, intercept, sentence):
    path = tmp_path / "scan.nii"
    path.write_bytes(header_with(scan, "<2f", 112, 1.0, intercept))
    with pytest.raises(DataError, match=sentence):
        nifti.read_case(path)


@pytest.mark.parametrize("behind", [b"junk", b"\0" * 512, gzip.compress(b"more", mtime=0)])
def test_what_follows_a_gzip_is_left_alone(tmp_path, write, scan, behind):
    path = write(tmp_path / "SCAN.NII.GZ", scan)
    path.write_bytes(path.read_bytes() + behind)
    np.testing.assert_array_equal(nifti.read_case(path).intensity, scan)


@pytest.mark.parametrize("start", [b"", None])
def test_what_a_gzip_would_fill_the_memory_with_is_not_unpacked(tmp_path, scan, start):
    head = nib.Nifti1Image(scan, np.eye(4)).to_bytes() if start is None else start
    packer, path = zlib.compressobj(1, wbits=31), tmp_path / "bomb.nii.gz"
    packed = packer.compress(head) + b"".join(packer.compress(bytes(2**24)) for _ in range(64))
    path.write_bytes(packed + packer.flush())
    tracemalloc.start()
    with pytest.raises(DataError, match=r"far more than its header announces|no NIfTI header"):
        nifti.read_case(path)
    assert tracemalloc.get_traced_memory()[1] < 2**27
    tracemalloc.stop()


def test_headers_damaged_at_random_are_read_or_refused_in_a_sentence(tmp_path, scan, seg):
    rng, path, outcomes = np.random.default_rng(0), tmp_path / "scan.nii", set()
    mask = tmp_path / "seg.nii"
    nib.save(nib.Nifti1Image(seg, np.diag([2.0, 2, 2, 1])), mask)
    for kind in (nib.Nifti1Image, nib.Nifti2Image):
        sound = kind(scan, np.diag([2.0, 2, 2, 1])).to_bytes()
        for _ in range(250):
            raw = bytearray(sound)
            for at in rng.integers(0, len(sound) - scan.nbytes, rng.integers(1, 5)):
                raw[at] = rng.choice([0, 1, 127, 128, 255, rng.integers(256)])
            path.write_bytes(bytes(raw))
            try:
                nifti.read_case(path, mask)
                outcomes.add("read")
            except DataError:
                outcomes.add("refused")
    assert outcomes == {"read", "refused"}
