import gzip
import json
import struct

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import UnknownElement

from pages.ui.viewer import chunks
from pages.ui.viewer.chunks import pack_map, pack_volume
from pages.ui.viewer.payload import (
    ViewerMap,
    ViewerOptions,
    ViewerState,
    ViewerVolume,
    message,
    on_grid,
    state,
)
from zsad_core.base.palette import CLASSES
from zsad_core.metrics.dice import EMPTY_RULES

EVEN = np.linspace(0, 1, 256, dtype=np.float32)


def unpack(blob: bytes) -> tuple[dict, np.ndarray]:
    (length,) = struct.unpack("<I", blob[:4])
    body = gzip.decompress(blob[4 + length :])
    return json.loads(blob[4 : 4 + length]), np.frombuffer(body, np.uint8)


def test_volume_is_image_then_one_flag_byte_per_voxel():
    image = np.arange(4, dtype=np.uint8).reshape(1, 2, 2)
    brain = np.array([[[False, True], [True, False]]])
    truth = np.array([[[False, False], [True, True]]])
    labels = np.array([[[9, 0], [3, 1]]], np.uint8)
    header, body = unpack(pack_volume(ViewerVolume(image, brain, truth, labels), "abc", range(1)))
    assert header["hash"] == "abc"
    assert header["shape"] == [1, 2, 2]
    assert header["truth"] is True
    assert body.tolist() == [0, 1, 2, 3, 0, 1, 3 + 4 * 3, 2 + 4 * 1]  # no label outside the truth


def test_volume_without_truth_says_so():
    image = np.zeros((1, 1, 1), np.uint8)
    header, _ = unpack(pack_volume(ViewerVolume(image, image > 0), "abc", range(1)))
    assert header["truth"] is False


def test_slabs_of_a_large_volume_give_the_whole(monkeypatch):
    monkeypatch.setattr(chunks, "SLAB_VOXELS", 12)
    levels = np.random.default_rng(0).integers(0, 256, (7, 2, 3), np.uint8)
    parts = [unpack(pack_map(EVEN[levels], EVEN, "m", part)) for part in chunks.slabs(levels.shape)]
    assert [(header["first"], header["count"]) for header, _ in parts] == [
        (0, 2),
        (2, 2),
        (4, 2),
        (6, 1),
    ]
    assert np.array_equal(np.concatenate([body for _, body in parts]), levels.ravel())


def carried(at: AppTest) -> list[tuple[str, int, int]]:
    """What the page sends to the browser, in the page's order: (content, first slice, slices)."""
    protos = [node.proto for node in at.main if isinstance(node, UnknownElement)]
    return [
        (header["hash"].split("-")[0], header["first"], header["count"])
        for header, _ in (unpack(proto.bytes) for proto in protos if proto.bytes)
    ]


def test_the_slice_looked_at_goes_before_the_volume_and_stays_what_it_was():
    at = AppTest.from_file("../browser/viewer_app.py", default_timeout=30)
    at.query_params["size"] = "big"
    everything = [("volume", 77, 1), ("A", 77, 1), ("volume", 0, 155), ("A", 0, 155)]
    assert carried(at.run()) == everything
    at.button[0].click().run()  # a jump to another slice
    assert carried(at) == everything


def test_a_small_volume_goes_at_once():
    at = AppTest.from_file("../browser/viewer_app.py").run()
    assert carried(at) == [("volume", 0, 40), ("A", 0, 40)]


def test_packing_is_repeatable_so_that_nothing_is_sent_twice():
    values = EVEN[np.arange(8).reshape(2, 2, 2)]
    sent = pack_map(values, EVEN, "m", range(2))
    assert sent == pack_map(values.copy(), EVEN, "m", range(2))
    assert unpack(sent)[1].tolist() == [*range(8)]
    turned = pack_map(values[:, ::-1], EVEN, "m", range(2))
    assert unpack(turned)[1].tolist() == [2, 3, 0, 1, 6, 7, 4, 5]


def test_images_of_floats_are_refused():
    image = np.zeros((1, 1, 1), np.float32)
    with pytest.raises(ValueError, match="takes uint8 arrays, not float32"):
        pack_volume(ViewerVolume(image, image > 0), "v", range(1))


def test_message_is_small_strict_json():
    values = np.zeros((155, 2, 2), np.float32)
    options = ViewerOptions(depth=(float("nan"), *([0.123456] * 154)))
    sent = message("v", [("m", ViewerMap(values, EVEN, 1.0, "A"))], options)
    text = json.dumps(sent, allow_nan=False)
    assert len(text) < 9000
    assert sent["depth"][:2] == (None, 0.123)
    assert not any(isinstance(value, list | dict) for value in sent.values())  # see `message`
    assert [(m["hash"], m["high"], m["title"], m["volume"]) for m in sent["maps"]] == [
        ("m", 1.0, "A", "")
    ]


def test_message_tells_where_the_slices_lie():
    affine = np.diag([1.0, 2.0, 3.0, 1.0]).astype(np.float32)
    options = ViewerOptions(plane="axial", pixel_mm=(2.0, 1.0), slice_mm=3.0, affine=affine)
    sent = json.loads(json.dumps(message("v", [], options), allow_nan=False))
    assert (sent["axes"], sent["spacing"]) == ("SPL", [3.0, 2.0, 1.0])
    assert sent["affine"] == [[1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 3, 0]]


def test_thresholds_arrive_as_they_are():
    thresholds = np.sort(np.random.default_rng(0).random(256).astype(np.float32) ** 9)
    thresholds[0] = 0
    shown = ViewerMap(np.zeros((1, 1, 1), np.uint8), thresholds, 1.0)
    sent = json.loads(json.dumps(message("v", [("m", shown)], ViewerOptions())))
    assert np.array_equal(np.float32(sent["maps"][0]["thresholds"]), thresholds)
    assert sent["maps"][0]["thresholds"] == thresholds.astype(float).tolist()


@pytest.mark.parametrize(
    ("thresholds", "complaint"),
    [
        (EVEN[:9], r"\(9,\) float32; the viewer takes \(256,\) float32"),
        (EVEN.astype(float), "float64; the viewer takes"),
        (EVEN + 1, "ascend from 0"),
        (EVEN * (1 - EVEN), "ascend from 0"),
        (EVEN * np.float32("nan"), "ascend from 0"),
    ],
)
def test_thresholds_that_are_no_grid_are_refused(thresholds, complaint):
    with pytest.raises(ValueError, match=complaint):
        ViewerMap(np.zeros((1, 1, 1), np.uint8), thresholds, 1.0)


@pytest.mark.parametrize("rule", EMPTY_RULES)
def test_the_rule_of_dice_goes_as_numbers(rule):
    sent = message("v", [], ViewerOptions(empty_slices=rule))
    assert sent["emptyDice"] == (EMPTY_RULES[rule].alarm, EMPTY_RULES[rule].empty)


def test_the_colours_of_the_classes_are_those_of_the_figures():
    sent = dict(message("v", [], ViewerOptions())["palettes"])
    assert list(sent) == list(CLASSES)
    assert sent["classic"][0] == ("tp", "#2ecc40", "fill", "true positive")
    assert [(kind, cue) for kind, _, cue, _ in sent["safe"]] == [
        ("tp", "fill"),
        ("fp", "hatch"),
        ("fn", "line"),
        ("only", "fill"),
    ]


def test_state_without_a_word_from_the_browser():
    assert state(None, ViewerOptions(), 11, 3.0) == ViewerState(5, 1.5, False)
    assert np.isnan(state(None, ViewerOptions(), 11, None).threshold)


def test_a_new_sequence_overrules_the_browser_only_where_it_asks():
    told = {"slice": 7, "threshold": 0.25, "sequence": 1}
    assert state(told, ViewerOptions(slice=3, sequence=2), 11, 1.0) == ViewerState(3, 0.25, False)
    options = ViewerOptions(threshold=np.float32(0.5), sequence=2)
    assert state(told, options, 11, 1.0) == ViewerState(7, 0.5, False)
    assert state(told | {"sequence": 2}, options, 11, 1.0) == ViewerState(7, 0.25, True)


def test_a_jump_of_the_slice_keeps_the_threshold_of_the_last_run():
    told = {"slice": 7, "threshold": 0.25, "sequence": 1}
    last = ViewerState(7, 0.75, True)
    options = ViewerOptions(slice=3, sequence=2)
    assert state(told, options, 11, 1.0, last) == ViewerState(3, 0.75, False)
    nowhere = ViewerState(7, float("nan"), False)  # no map was there
    assert state(None, options, 11, 1.0, nowhere).threshold == 0.5


def test_slice_and_threshold_are_held_inside():
    for threshold, held in ((7, 2.0), (-1, 0.0), (1, 1.0)):
        told = {"slice": 99, "threshold": threshold, "sequence": 0}
        assert state(told, ViewerOptions(), 11, 2.0) == ViewerState(10, held, True)


@pytest.mark.parametrize(
    "nonsense", [None, "0.3", True, [1], {}, float("nan"), float("inf"), 10**400]
)
def test_nonsense_counts_as_not_said(nonsense):
    told = {"slice": nonsense, "threshold": nonsense, "sequence": 0}
    assert state(told, ViewerOptions(slice=3), 11, 1.0) == ViewerState(3, 0.5, True)
    assert state(nonsense, ViewerOptions(slice=3), 11, 1.0) == ViewerState(3, 0.5, False)
    sent = message("v", [], ViewerOptions(threshold=nonsense))
    assert sent["threshold"] is None


def test_a_value_between_two_thresholds_stands_at_the_upper():
    grid = np.array([0, 0.1, 0.1, 0.4], np.float32)
    for value, shown in ((0.1, 0.1), (0.2, 0.4), (0.9, 0.4), (0, 0)):
        assert on_grid(ViewerState(3, value, True), grid).threshold == np.float32(shown)
