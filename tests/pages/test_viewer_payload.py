import gzip
import json
import struct

import numpy as np
import pytest

from pages.ui.viewer.payload import (
    ViewerMap,
    ViewerOptions,
    ViewerVolume,
    message,
    pack_map,
    pack_volume,
    state,
)


def unpack(blob: bytes) -> tuple[dict, np.ndarray]:
    (length,) = struct.unpack("<I", blob[:4])
    body = gzip.decompress(blob[4 + length :])
    return json.loads(blob[4 : 4 + length]), np.frombuffer(body, np.uint8)


def test_volume_is_image_then_one_flag_byte_per_voxel():
    image = np.arange(4, dtype=np.uint8).reshape(1, 2, 2)
    brain = np.array([[[False, True], [True, False]]])
    truth = np.array([[[False, False], [True, True]]])
    header, body = unpack(pack_volume(ViewerVolume(image, brain, truth), "abc"))
    assert header == {"hash": "abc", "shape": [1, 2, 2], "truth": True}
    assert body.tolist() == [0, 1, 2, 3, 0, 1, 3, 2]


def test_volume_without_truth_says_so():
    image = np.zeros((1, 1, 1), np.uint8)
    header, _ = unpack(pack_volume(ViewerVolume(image, image > 0), "abc"))
    assert header["truth"] is False


def test_packing_is_repeatable_so_that_nothing_is_sent_twice():
    levels = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    assert pack_map(levels, "m") == pack_map(levels.copy(), "m")
    assert unpack(pack_map(levels[:, ::-1], "m"))[1].tolist() == [2, 3, 0, 1, 6, 7, 4, 5]


def test_floats_are_refused():
    with pytest.raises(ValueError, match="takes uint8 arrays, not float32"):
        pack_map(np.zeros((1, 1, 1), np.float32), "m")


def test_message_is_small_strict_json():
    levels = np.zeros((155, 2, 2), np.uint8)
    options = ViewerOptions(depth=(float("nan"), *([0.123456] * 154)))
    sent = message("v", [("m", ViewerMap(levels, 1.0, "A"))], options)
    text = json.dumps(sent, allow_nan=False)
    assert len(text) < 3000
    assert sent["depth"][:2] == [None, 0.123]
    assert sent["maps"] == [{"hash": "m", "high": 1.0, "title": "A"}]


def test_state_without_a_word_from_the_browser():
    got = state(None, ViewerOptions(), 11)
    assert (got.slice, got.threshold, got.touched) == (5, 128, False)


def test_a_new_sequence_overrules_the_browser_only_where_it_asks():
    told = {"slice": 7, "threshold": 90, "sequence": 1}
    got = state(told, ViewerOptions(slice=3, sequence=2), 11)
    assert (got.slice, got.threshold, got.touched) == (3, 90, False)


def test_a_slice_of_a_longer_volume_is_held_inside():
    assert state({"slice": 99, "sequence": 0}, ViewerOptions(), 11).slice == 10
