"""Pictures that a library would read wrongly without a word: read rightly, or refused."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from zsad_core.errors import DataError
from zsad_core.imaging.image_sets.pictures import Picture, opened, read

GREY = np.zeros((16, 16), np.uint16)
GREY[4:12, 4:12], GREY[6:8, 6:8] = 600, 1500


def tiff(path, values, photometric=1, kind=1):
    """Write (H, W) in one strip, with tags that Pillow does not write."""
    data, (height, width) = values.tobytes(), values.shape
    tags = {256: width, 257: height, 258: 8 * values.itemsize, 259: 1, 262: photometric, 273: 8}
    tags |= {277: 1, 278: height, 279: len(data), 339: kind}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = b"II*\0" + struct.pack("<I", 8 + len(data))
    path.write_bytes(head + data + struct.pack("<H", len(tags)) + entries + bytes(4))


def png(path, values, kind, *more):
    """Write (H, W, C) of 16 bits, which Pillow writes of one channel alone."""
    height, width, _ = values.shape
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in values)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)),
        *more,
        (b"IDAT", zlib.compress(lines)),
        (b"IEND", b""),
    ]
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in chunks
        )
    )


def test_numbers_without_a_sign_do_not_wrap(tmp_path):
    tiff(tmp_path / "a.tif", GREY.astype(np.uint32) * 2_000_000)  # up to 3e9, beyond int32
    values = np.asarray(opened(tmp_path / "a.tif"))
    assert (values[0, 0], values[5, 5], values[6, 6]) == (0, 102, 255)


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_white_is_zero_is_refused_where_it_would_be_inverted(tmp_path, kind):
    tiff(tmp_path / "a.tif", (1500 - GREY).astype(kind), 0, 3 if kind == np.float32 else 1)
    with pytest.raises(DataError, match=r"a\.tif' is of more than 8 bits and shows 0 as white"):
        opened(tmp_path / "a.tif")
    tiff(tmp_path / "b.tif", (255 - GREY * 0.17).astype(np.uint8), 0)
    assert np.asarray(opened(tmp_path / "b.tif"))[6, 6] == 255


@pytest.mark.parametrize(("channels", "kind"), [(2, 4), (3, 2), (4, 6)])
def test_colours_of_16_bits_are_refused(tmp_path, channels, kind):
    png(tmp_path / "a.png", np.repeat(GREY[..., None], channels, 2), kind)
    with pytest.raises(DataError, match="has colours, or transparency, of 16 bits"):
        opened(tmp_path / "a.png")


def test_pages_are_not_left_out_without_a_word(tmp_path):
    first, *others = [Image.fromarray(GREY // number) for number in (1, 2, 3)]
    first.save(tmp_path / "a.tif", save_all=True, append_images=others)
    with pytest.raises(DataError, match="holds 3 pages or frames; save each"):
        opened(tmp_path / "a.tif")


def test_each_label_of_a_deep_mask_marks(tmp_path):
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(tmp_path / "image.png")
    labels = np.zeros((16, 16), np.uint16)
    labels[:4], labels[8:10] = 1, 1000
    Image.fromarray(labels).save(tmp_path / "mask.png")
    picture = Picture(tmp_path / "image.png", "brain", True, tmp_path / "mask.png")
    np.testing.assert_array_equal(read(picture)[1], labels > 0)


def test_bombs_are_refused_in_a_sentence(tmp_path):
    text = (b"zTXt", b"a\0\0" + zlib.compress(bytes(70 << 20)))
    png(tmp_path / "text.png", GREY[..., None], 0, text)
    large = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    content = (tmp_path / "text.png").read_bytes()
    whole = b"IHDR" + large
    header = struct.pack(">I", 13) + whole + struct.pack(">I", zlib.crc32(whole))
    (tmp_path / "large.png").write_bytes(content[:8] + header + content[33:])
    for name in ("text.png", "large.png"):
        with pytest.raises(DataError, match=f"{name}' cannot be read as an image"):
            opened(tmp_path / name)
