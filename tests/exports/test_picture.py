import io
import json
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from tests.helpers.views import HOSTILE, view_of
from zsad_core.base.overlay import rings
from zsad_core.base.palette import CLASSES
from zsad_core.exports.panels import hex_of, outline
from zsad_core.exports.picture import DPI, SlicePicture, picture, saved
from zsad_core.exports.reading import read
from zsad_core.exports.scene import Look, Scene
from zsad_core.exports.statement import statement
from zsad_core.exports.words import NO_DEVICE
from zsad_core.types import DataSpec, Threshold

SVG = "{http://www.w3.org/2000/svg}"


def opened(content):
    return Image.open(io.BytesIO(content))


def texts(content):
    root = ElementTree.fromstring(content)
    return " ".join("".join(one.itertext()) for one in root.iter(f"{SVG}text"))


def test_a_png_has_the_size_asked_for_and_says_what_it_is(engine, view):
    reading = read(engine, view)
    size = SlicePicture(reading, statement(engine, reading), Look()).scene.size
    for scale in (1, 3):
        image = opened(picture(engine, view, scale=scale))
        assert image.size == pytest.approx([side * DPI * scale for side in size], abs=1)
    assert image.text["Title"].startswith("DEMO-MET-013-000 · t2f · axial slice")
    assert NO_DEVICE in image.text["Description"]
    assert "scan_digest: " in image.text["Description"]
    assert json.loads(image.text["Spec"])["spec"]["threshold"]["value"] == 150 / 255


def test_the_same_view_makes_the_same_bytes(engine, view):
    for kind in ("png", "svg"):
        scene = [Scene(read(engine, view), Look()) for _ in range(2)]
        assert saved(scene[0], kind, 1, {"Date": None} if kind == "svg" else None) == saved(
            scene[1], kind, 1, {"Date": None} if kind == "svg" else None
        )


def test_a_picture_shows_every_class_of_its_slice(engine, view):
    low = replace(view, threshold=Threshold(60 / 255, "fixed"))
    found = np.asarray(opened(picture(engine, low, look=Look(("classes",)))).convert("RGB"))
    counts = read(engine, low).counts[view.index]
    assert counts[3] > 0
    assert counts[2] > counts[3]
    toned = found[100:-300].reshape(-1, 3).astype(int)  # the panel, above the legend
    greener = toned[:, 1] - toned[:, 0] > 30
    pinker = toned[:, 0] - toned[:, 1] > 30
    assert greener.any()
    assert pinker.any()


def test_a_threshold_above_everything_leaves_nothing_but_what_was_missed(engine, view):
    high = replace(view, threshold=Threshold(1.0, "fixed"))
    reading = read(engine, high)
    assert reading.mask.sum() < reading.stack.truth.sum()
    said = texts(picture(engine, high, "svg"))
    assert f"truth {reading.readout.truth_ml:.1f} ml" in said


def test_a_hostile_name_is_text_and_never_markup(engine, hostile):
    content = picture(engine, hostile, "svg")
    root = ElementTree.fromstring(content)
    assert HOSTILE in texts(content)  # neither XML nor mathematics
    assert not [one for one in root.iter() if one.tag in (f"{SVG}b", f"{SVG}script")]
    metadata = "".join(root.find(f"{SVG}metadata").itertext())
    assert HOSTILE in metadata
    assert NO_DEVICE in metadata
    assert "prediction, no truth known" in texts(content)
    assert "no segmentation, so no Dice" in texts(content)
    assert HOSTILE in opened(picture(engine, hostile)).text["Description"]


def test_a_lesion_free_subject_has_no_dice(engine):
    free = view_of(engine, DataSpec("demo-2mm"), "DEMO-MET-025-000", "t2f")
    said = texts(picture(engine, free, "svg"))
    assert "no lesion in the truth, so no Dice" in said
    assert "Dice –" in said


@pytest.mark.parametrize(
    ("plane", "sides"), [("axial", "RLAP"), ("coronal", "RLSI"), ("sagittal", "APSI")]
)
def test_every_plane_has_its_letters_and_a_scale_bar(engine, plane, sides):
    view = view_of(engine, DataSpec("demo-2mm"), "DEMO-MET-013-000", "t2f", plane=plane)
    reading = read(engine, view)
    scene = Scene(reading, Look(("scan",)))
    axes = scene.figure.axes[0]
    assert [text.get_text() for text in axes.texts] == [*sides, "2 cm"]
    bar = axes.lines[-1].get_xdata()
    columns = reading.frame[1].stop - reading.frame[1].start
    assert (bar[1] - bar[0]) * columns * 2.0 == pytest.approx(20)  # 2 mm a pixel


@pytest.mark.parametrize("palette", ["classic", "safe"])
def test_panel_and_legend_have_the_chosen_colours(engine, view, palette):
    reading = read(engine, replace(view, threshold=Threshold(60 / 255, "fixed")))
    scene = Scene(reading, Look(("classes",), palette=palette))
    hit, wrong, lost, _ = CLASSES[palette]
    shown = scene.figure.axes[0].images[1].get_array()
    there = {tuple(one) for one in shown[shown[..., 3] > 0][:, :3].tolist()}
    missed = {lost} if palette == "classic" else set()  # else it is an outline
    assert {hit, wrong} <= there <= {hit, wrong} | missed
    labels = [text.get_text() for text in scene.figure.legends[0].get_texts()]
    classes = ["true positive", "false positive", "false negative"]
    assert labels == [*classes, "missed entirely"]
    patch = scene.figure.legends[0].get_patches()[0]
    assert to_hex(patch.get_facecolor()) == hex_of(hit)


def test_a_scene_shows_the_slice_it_is_told_to(engine, view):
    scene = Scene(read(engine, view), Look(("scan",)))
    image = scene.figure.axes[0].images[0]
    scene.show(view.index + 5)
    wanted = scene.reading.stack.image[view.index + 5][scene.reading.frame]
    np.testing.assert_array_equal(image.get_array(), wanted)


def test_an_outline_has_the_length_of_the_border():
    mask = np.zeros((6, 7), bool)
    mask[1:3, 2:6] = True
    columns, rows = outline(mask)
    ends = np.stack([columns, rows], 1).reshape(-1, 3, 2)[:, :2]
    assert np.abs(ends[:, 1] - ends[:, 0]).sum() == 2 * (2 + 4)
    assert (columns[~np.isnan(columns)].min(), columns[~np.isnan(columns)].max()) == (1.5, 5.5)
    assert len(outline(mask & False)[0]) == 0


def test_lesion_missed_entirely_has_the_ring_of_the_thumbnails(engine, view):
    reading = read(engine, replace(view, threshold=Threshold(1.0, "fixed")))
    scene = Scene(reading, Look(("classes",)))
    masks = [
        rings(reading.truth(index), reading.cut(reading.mask, index)) for index in reading.filled
    ]
    index, ring = next(pair for pair in zip(reading.filled, masks, strict=True) if pair[1].any())
    scene.show(index)
    painting = scene.figure.axes[0].images[1].get_array()
    np.testing.assert_array_equal((painting == 255).all(axis=-1), ring)
