"""Bombs and traps: small files that would fill memory or disk, zips that reach outside."""

import gzip
import io
import json
import stat
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from zsad_core.imaging.uploads import limits

ZEROS = bytes(2**26)
BOUNDED = """
import io, json, resource, sys
from bench.memory import peak_gb
from zsad_core.imaging.uploads import folders
from zsad_core.imaging.uploads.receive import receive
resource.setrlimit(resource.RLIMIT_FSIZE, (300 * 2**20, 300 * 2**20))
place = folders.own_folder(folders.new_token())
data = open(sys.argv[1], "rb").read()
before = peak_gb()
(found,) = receive(place, [(sys.argv[2], io.BytesIO(data))])
grown = (peak_gb() - before) * 1024
left = [str(path) for path in place.rglob("*")]
print(json.dumps([found.subject, found.message, grown, left]))
"""


def bounded(tmp_path, name, data):
    """What is said of a bomb, received by a process that may write no file above 300 MB."""
    (tmp_path / "bomb").write_bytes(data)
    command = [sys.executable, "-c", BOUNDED, str(tmp_path / "bomb"), name]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert ran.returncode == 0, ran.stderr
    subject, said, grown_mb, left = json.loads(ran.stdout)
    assert (subject, left) == ("", [])
    assert grown_mb < 100
    return said


@pytest.mark.slow
def test_a_gzip_bomb_is_left_at_the_limit(tmp_path):
    bomb = gzip.compress(ZEROS) * 80  # 5 GB in 5 MB
    assert len(bomb) < 6e6
    assert "unpacks to more than 512 MB" in bounded(tmp_path, "a.nii.gz", bomb)


@pytest.mark.slow
def test_a_zip_bomb_is_left_at_the_limit(tmp_path):
    out = io.BytesIO()
    packed = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with packed as archive, archive.open("a.nii", "w") as member:
        for _ in range(5):
            member.write(ZEROS)
    assert "more than 256 MB" in bounded(tmp_path, "a.zip", out.getvalue())


def test_many_members_share_one_limit(refused, zipped, monkeypatch):
    monkeypatch.setattr(limits, "AT_ONCE", 2**20)
    bomb = zipped({f"{k}.nii": bytes(300_000) for k in range(5)})
    assert len(bomb) < 10_000
    assert "More than may be used at once" in refused({"a.zip": bomb})


def test_a_member_that_lies_about_its_size_is_refused(refused, zipped):
    whole = zipped({"a.nii": bytes(300_000)})
    lying = whole.replace(struct.pack("<L", 300_000), struct.pack("<L", 10))
    assert "Not a whole zip archive" in refused({"a.zip": lying})


@pytest.mark.parametrize(
    "name", ["../a.nii", "/etc/a.nii", "x/../../a.nii", "C:\\a.nii", "..\\a.nii", "\\a.nii"]
)
def test_a_name_outside_the_zip_refuses_it(refused, zipped, name):
    assert "names a place outside itself" in refused({"a.zip": zipped({name: b"x"})})


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_zip_of_links_or_devices_is_refused(refused, zipped, kind):
    info = zipfile.ZipInfo("a.nii")
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    assert "a link or a device" in refused({"a.zip": zipped({info: "/etc/passwd"})})


def test_a_zip_of_too_many_names_is_refused_before_they_are_read(refused, zipped):
    many = zipped({f"{k}.nii": b"" for k in range(limits.ENTRIES + 1)})
    assert f"A zip of {limits.ENTRIES + 1} files" in refused({"a.zip": many})
    long = zipped({f"{k}" + "n" * 6000: b"" for k in range(500)})
    assert "A zip of more than" in refused({"a.zip": long})
    wide = io.BytesIO()
    with zipfile.ZipFile(wide, "w") as archive, archive.open("a", "w", force_zip64=True) as member:
        member.write(b"x")
    real = wide.getvalue()
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    assert "A zip of more than" in refused({"a.zip": real[:-22] + locator + real[-22:]})


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda data: data[: len(data) // 2], "Not a whole zip archive"),
        (lambda data: b"PK\x03\x04", "Not a whole zip archive"),
        (lambda data: data.replace(b"\x14\0\0\0\x08", b"\x14\0\x01\0\x08"), "with a password"),
        (lambda data: data.replace(b"\x14\0\0\0\x08", b"\x14\0\0\0\x0e"), "unusual compression"),
    ],
)
def test_a_zip_that_cannot_be_read_is_refused(refused, zipped, damage, sentence):
    assert sentence in refused({"a.zip": damage(zipped({"a.nii": bytes(range(256)) * 9}))})


def test_a_zip_in_a_zip_is_never_opened(refused, zipped, nifti, values):
    inner = zipped({"a.nii.gz": nifti(values)})
    assert "A zip without NIfTI or DICOM" in refused(
        {"a.zip": zipped({"b.zip": inner, "c": inner})}
    )


def test_a_scan_in_a_zip_is_taken_under_its_own_name(use, zipped, nifti, values):
    mask = nifti((values > 2000).astype("u1"))
    members = {"case/p_t1c.nii.gz": nifti(values), "case/p_mask.nii.gz": mask}
    (found,) = use({"a.zip": zipped(members)})
    assert found.subject == "p"
    assert found.message.startswith("t1c, 12 x 14 x 10")
