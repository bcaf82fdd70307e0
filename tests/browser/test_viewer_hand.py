"""The hand on the viewer: view, layers, planes, jumps and comparisons, told by pixels.

The phantom has 40 slices of 60 x 50 pixels of 1 mm, 2 mm apart; slice k shines with 10 + 5 k. Its
lesion fills slices 8 to 15, rows 20 to 29, columns 10 to 19 (label 1 up to column 14, then 2).
"""

import numpy as np
import pytest
from PIL import Image

from zsad_core.base.overlay import rings

SCRIPT = "tests/browser/viewer_app.py"
ROOT = ".z-root"
GAP = 2
SHAPE = {"axial": (60, 50), "coronal": (40, 50), "sagittal": (40, 60)}
MM = {"axial": (1, 1), "coronal": (2, 1), "sagittal": (2, 1)}


@pytest.fixture
def opened(page, serve):
    """opened(query) is the page with the viewer on slice 10 in its whole field, ready for keys."""

    def start(query=""):
        page.goto(f"{serve(SCRIPT).url}/?{query}")
        page.locator(f"{ROOT}[data-slice]").wait_for()
        page.locator(f'{ROOT}[data-parts="whole"]').wait_for()
        page.get_by_text("python slice=20").wait_for()
        page.locator(".z-slice").fill("10")
        page.locator(f'{ROOT}[data-slice="10"]').wait_for()
        page.locator(ROOT).focus()
        assert float(told(page, "zoom")) > 1  # the brain fills the picture
        press(page, "z")
        assert told(page, "zoom") == "1.000"
        return page

    yield start
    assert page.complaints == []


def told(page, name):
    return page.locator(ROOT).get_attribute(f"data-{name}")


def press(page, *keys):
    """Press keys one by one and wait until the last is drawn."""
    for key in keys:
        page.keyboard.press(key)
    drawn(page)


def drawn(page):
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")


def canvas_size(page):
    return page.locator(".z-canvas").evaluate("canvas => [canvas.width, canvas.height]")


def boxes(page):
    """The boxes of the three-plane layout: the slices' own plane large, then the others."""
    width, height = canvas_size(page)
    left, half = round(width * 0.6), round(height / 2)
    outer = [(0, 0, left, height), (left, 0, width - left, half)]
    outer += [(left, half, width - left, height - half)]
    inner = [(x + GAP, y + GAP, w - 2 * GAP, h - 2 * GAP) for x, y, w, h in outer]
    return dict(zip(SHAPE, inner, strict=True))


def spot(page, row, column, plane="axial", box=None):
    """Where a pixel of a plane lies on the canvas at zoom 1."""
    x, y, width, height = box or (0, 0, *canvas_size(page))
    (rows, columns), (row_mm, column_mm) = SHAPE[plane], MM[plane]
    scale = min(width / (columns * column_mm), height / (rows * row_mm))
    left = x + width / 2 + (column + 0.5 - columns / 2) * column_mm * scale
    top = y + height / 2 + (row + 0.5 - rows / 2) * row_mm * scale
    return round(left), round(top)


def colour(page, *place, **where):
    """Red, green, blue of a pixel."""
    return page.locator(".z-canvas").evaluate(
        "(canvas, at) => [...canvas.getContext('2d').getImageData(...at, 1, 1).data].slice(0, 3)",
        list(spot(page, *place, **where)),
    )


def mouse_to(page, point):
    box = page.locator(".z-canvas").bounding_box()
    page.mouse.move(box["x"] + point[0], box["y"] + point[1])


def test_zoom_stays_at_the_pointer_and_reset_comes_back(opened):
    page = opened("layers=none")
    page.keyboard.press("ArrowUp")  # slice 11, grey 65
    point = spot(page, 5, 5)  # the brain's first pixel; the one before is black
    drawn(page)
    assert (colour(page, 5, 5), colour(page, 4, 4)) == ([65, 65, 65], [0, 0, 0])
    mouse_to(page, point)
    page.keyboard.down("Control")
    for _ in range(4):
        page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    drawn(page)
    assert float(told(page, "zoom")) == pytest.approx(3.79, abs=0.02)
    assert told(page, "slice") == "11"
    assert colour(page, 5, 5) == colour(page, 4, 4) == [65, 65, 65]  # now of the same voxel
    assert colour(page, 3, 3) == [0, 0, 0]
    before = colour(page, 40, 40)
    page.keyboard.down("Shift")
    page.mouse.down()
    mouse_to(page, (point[0] + 60, point[1] + 60))
    page.mouse.up()
    page.keyboard.up("Shift")
    drawn(page)
    assert (before, colour(page, 5, 5)) == ([65, 65, 65], [0, 0, 0])
    press(page, "f")
    assert float(told(page, "zoom")) == pytest.approx(0.96 * 60 / 50, abs=0.01)
    press(page, "z")
    assert told(page, "zoom") == "1.000"
    assert colour(page, 5, 5) == [65, 65, 65]
    mouse_to(page, point)
    page.keyboard.press("+")
    press(page, "r")
    assert float(told(page, "zoom")) == pytest.approx(0.96 * 60 / 50, abs=0.01)


def test_window_by_drag_and_by_preset(opened):
    page = opened("layers=none")
    mouse_to(page, spot(page, 30, 25))
    page.mouse.down(button="right")
    mouse_to(page, spot(page, 40, 25))
    page.mouse.up(button="right")
    drawn(page)
    low, high = map(int, told(page, "window").split(","))
    assert low < 0
    assert high - low == pytest.approx(255, abs=1)
    assert colour(page, 30, 25)[0] == pytest.approx(60 - low, abs=1)
    page.get_by_role("button", name="Bright").click()
    drawn(page)
    assert colour(page, 30, 25) == [102, 102, 102]  # 60 of 150
    page.get_by_role("button", name="Tissue").click()
    drawn(page)
    assert colour(page, 30, 25) == [60, 60, 60]


def test_the_picture_is_saved_as_it_is_seen(opened):
    page = opened("layers=none")
    page.get_by_role("button", name="Bright").click()
    mouse_to(page, spot(page, 30, 25))
    with page.expect_download() as waiting:
        page.keyboard.press("s")
    at, (width, height) = spot(page, 30, 25), canvas_size(page)
    with Image.open(waiting.value.path()) as saved:
        assert waiting.value.suggested_filename.endswith("axial-11.png")
        assert saved.width == 2 * width
        assert saved.height > 2 * height + 40  # words below
        assert saved.convert("RGB").getpixel((2 * at[0], 2 * at[1])) == (102, 102, 102)
        below = saved.convert("L").crop((0, 2 * height + 40, saved.width, saved.height))
        assert len(below.getcolors()) > 2
    mouse_to(page, spot(page, 2, 2))  # the hand still finds what lies under it
    page.locator(".z-probe").get_by_text("background").wait_for()


def test_sides_are_swapped_and_said(opened):
    page = opened()
    page.get_by_role("button", name="R on the left").wait_for()
    found, mirrored = colour(page, 25, 12), colour(page, 25, 49 - 12)
    assert (found[1] > 90, mirrored) == (True, [60, 60, 60])
    press(page, "x")
    page.get_by_role("button", name="L on the left").wait_for()
    assert (colour(page, 25, 12), colour(page, 25, 49 - 12)) == (mirrored, found)


def test_each_layer_colours_its_own_pixels(opened):
    page = opened("layers=none")
    grey = [60, 60, 60]
    places = {"1": (25, 12), "3": (25, 17), "4": (25, 12), "5": (45, 20)}
    for key, place in places.items():
        assert colour(page, *place) == grey
        press(page, key)
        assert colour(page, *place) != grey
        press(page, key)
    before = page.locator(".z-canvas").evaluate("canvas => canvas.toDataURL()")
    for key in "26":  # lines
        press(page, key)
        assert page.locator(".z-canvas").evaluate("canvas => canvas.toDataURL()") != before
        press(page, key)
    press(page, "3")
    core, oedema = colour(page, 25, 12), colour(page, 25, 17)
    assert core[0] > core[2] + 50  # orange
    assert oedema[0] == pytest.approx(oedema[1], abs=15)  # yellow
    page.locator(".z-opacity-labels").fill("0")
    drawn(page)
    assert colour(page, 25, 12) == grey


def test_the_crosshair_moves_the_other_planes(opened):
    page = opened("layers=none")
    press(page, "t", "c")  # three planes, without the lines
    where = boxes(page)
    press(page, "z")
    assert colour(page, 30, 25, box=where["axial"]) == [60, 60, 60]
    for row, slice_ in ((4, 35), (20, 19), (35, 4)):  # rows of the coronal plane run downwards
        shown = colour(page, row, 15, plane="coronal", box=where["coronal"])
        assert shown == [10 + 5 * slice_] * 3
    mouse_to(page, spot(page, 12, 33, box=where["axial"]))
    page.mouse.down()
    page.mouse.up()
    drawn(page)
    assert told(page, "cross") == "10,12,33"
    mouse_to(page, spot(page, 4, 20, plane="sagittal", box=where["sagittal"]))
    page.mouse.down()
    page.mouse.up()
    drawn(page)
    assert told(page, "cross") == "35,20,33"
    assert colour(page, 30, 25, box=where["axial"]) == [185, 185, 185]
    press(page, "ArrowUp")  # the sagittal plane is the active one; on is to the right
    assert told(page, "cross") == "35,20,32"
    mouse_to(page, spot(page, 20, 20, plane="coronal", box=where["coronal"]))
    page.mouse.wheel(0, -100)  # on is to the front
    drawn(page)
    assert told(page, "cross") == "35,19,32"
    page.get_by_role("button", name="Coronal").click()
    drawn(page)
    assert told(page, "layout") == "one"
    assert colour(page, 4, 25, plane="coronal") == [185, 185, 185]


def test_under_the_cursor(opened):
    page = opened()
    mouse_to(page, spot(page, 25, 12))
    facts = page.locator(".z-probe")
    facts.get_by_text("TP", exact=True).wait_for()
    # x runs to the right of the patient, who lies with it on the left; y to the front
    for fact in ("37 34 10", "27.0 14.0 -10.0", "≈ 120.0", "0.784–0.788", "core"):
        assert facts.get_by_text(fact, exact=True).count() == 1
    mouse_to(page, spot(page, 2, 2))
    facts.get_by_text("background").wait_for()


def test_jumps_to_lesions_and_to_the_worst_slices(opened):
    page = opened("lesions=2")
    press(page, "Home", "n")
    assert told(page, "cross") == "8,25,15"
    press(page, "n")
    assert told(page, "cross") == "25,42,32"
    press(page, "p")
    assert told(page, "slice") == "8"
    page.keyboard.press("w")
    page.locator(f'{ROOT}[data-slice="25"][data-dice="0.0000"]').wait_for()
    press(page, "w")
    assert told(page, "slice") == "26"


def test_two_maps_beside_each_other_swiped_apart_and_in_turns(opened):
    page = opened("maps=2&layers=map&own=1")
    width, height = canvas_size(page)
    half = (width // 2 - 2 * GAP, height - 2 * GAP)
    left = (GAP, GAP, *half)
    right = (width // 2 + GAP, GAP, *half)
    press(page, "o")
    hidden = """() => new Promise(done => setTimeout(done, 50))"""
    page.keyboard.down("o")
    page.evaluate(hidden)
    assert colour(page, 40, 20, box=left) == [60, 60, 60]
    assert colour(page, 40, 20, box=right) == [195, 195, 195]  # its own scan
    page.keyboard.up("o")
    press(page, "v")  # swipe
    mouse_to(page, (width * 0.3, height / 2))
    page.mouse.down()
    mouse_to(page, spot(page, 40, 25))
    page.mouse.up()
    drawn(page)
    assert colour(page, 40, 20)[0] < 100 < colour(page, 40, 30)[0]
    press(page, "v")  # blink
    seen = set()
    for _ in range(20):
        seen.add(colour(page, 40, 20)[0] > 100)
        page.wait_for_timeout(100)
    assert seen == {True, False}
    press(page, "v")  # difference: A is above B in the lesion most
    there, here = colour(page, 25, 12), colour(page, 40, 20)
    assert there[0] > there[2] + 40
    assert here[0] - here[2] < there[0] - there[2]


def test_maps_beside_each_other_are_told_apart(opened, page):
    page.set_viewport_size({"width": 1280, "height": 800})
    page.add_init_script("""
        const pen = CanvasRenderingContext2D.prototype, { fillText } = pen;
        window.written = new Set();
        pen.fillText = function (text, ...more) {
            window.written.add(text);
            return fillText.call(this, text, ...more);
        };
    """)
    opened("maps=4&long=1")
    written = set(page.evaluate("[...window.written]"))
    assert {"②  a method ·", "prompts second", "prompts fourth"} <= written  # titles
    assert {*"①②③④"} <= written  # the lines of the strip


def test_four_maps_and_a_volume_in_slabs(opened):
    page = opened("maps=4&slabs=1&layers=none")
    dice = page.locator(".z-cell", has_text="3D Dice").locator(".z-value")
    dice.get_by_text("①").wait_for()
    assert [text[0] for text in dice.inner_text().split(" · ")] == list("①②③④")
    press(page, "v")
    for number in (0, 9, 10, 19, 20, 39):
        page.locator(".z-slice").fill(str(number))
        page.locator(f'{ROOT}[data-slice="{number}"]').wait_for()
        drawn(page)
        assert colour(page, 30, 20)[0] == (10 + 5 * number if 2 <= number < 38 else 0)
    page.get_by_role("button", name="① with ④").click()
    drawn(page)
    page.locator(".z-threshold").fill("50")
    page.get_by_role("button", name="Others at best Dice").click()
    page.locator(f'{ROOT}[data-cut="50"]').wait_for()
    dice.get_by_text("④ 0.800").wait_for()


def test_a_ring_lies_round_lesion_that_is_missed_entirely(opened):
    page = opened("lesions=2")
    page.locator(".z-slice").fill("27")
    page.locator(f'{ROOT}[data-slice="27"]').wait_for()
    drawn(page)
    truth = np.zeros(SHAPE["axial"], bool)
    truth[40:44, 30:34] = True
    ring = rings(truth, ~truth)
    for row, column in np.argwhere(ring):
        assert colour(page, int(row), int(column)) == [255, 255, 255]
    page.locator(".z-legend").get_by_text("1 part").wait_for()
    press(page, "1")
    assert colour(page, *map(int, np.argwhere(ring)[0])) == [145, 145, 145]
    page.locator(".z-slice").fill("10")
    press(page, "1")
    assert page.locator(".z-legend .z-ring").count() == 0
