"""The viewer in a real browser, over a phantom whose slice number is coded in its pixels."""

import re

import pytest

SCRIPT = "tests/browser/viewer_app.py"
ROOT = ".z-root"


def brightness(page) -> int:
    """Red value of the pixel shown in the upper left of the brain."""
    return page.locator(".z-canvas").evaluate(
        """canvas => canvas.getContext("2d").getImageData(
            Math.round(canvas.width / 2), Math.round(canvas.height * 0.15), 1, 1).data[0]"""
    )


def expect_slice(page, number: int) -> None:
    page.locator(f'{ROOT}[data-slice="{number}"]').wait_for()
    assert brightness(page) == 10 + 5 * number


@pytest.fixture
def viewer(page, serve):
    server = serve(SCRIPT)
    received = []
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda data: received.append(len(data))),
    )
    page.received = received
    page.goto(server.url)
    page.locator(f"{ROOT}[data-dice]").wait_for()
    page.locator(f'{ROOT}[data-parts="whole"]').wait_for()
    page.get_by_text("python slice=20").wait_for()
    yield page
    assert page.complaints == []


def test_keys_wheel_slider_and_strip_show_the_right_slice(viewer):
    expect_slice(viewer, 20)
    viewer.locator(ROOT).focus()
    for key, number in [
        ("ArrowUp", 21),
        ("ArrowRight", 22),
        ("ArrowDown", 21),
        ("PageDown", 11),
        ("PageUp", 21),
    ]:
        viewer.keyboard.press(key)
        expect_slice(viewer, number)
    viewer.locator(".z-canvas").hover()
    viewer.mouse.wheel(0, 100)
    expect_slice(viewer, 20)
    viewer.locator(".z-slice").fill("9")
    expect_slice(viewer, 9)
    strip = viewer.locator(".z-strip").bounding_box()
    viewer.mouse.click(strip["x"] + 7 + (strip["width"] - 14) * 30 / 39, strip["y"] + 40)
    expect_slice(viewer, 30)
    viewer.keyboard.press("End")
    viewer.locator(f'{ROOT}[data-slice="39"]').wait_for()
    viewer.keyboard.press("Home")
    viewer.locator(f'{ROOT}[data-slice="0"]').wait_for()
    viewer.get_by_text("python slice=0 threshold=0.5020 touched=True").wait_for()


def test_the_dice_follows_the_threshold(viewer):
    viewer.locator(".z-slice").fill("10")
    root = viewer.locator(ROOT)
    viewer.locator(f'{ROOT}[data-slice="10"][data-dice="0.6667"]').wait_for()
    viewer.locator(".z-threshold").fill("100")
    viewer.locator(f'{ROOT}[data-dice="0.8000"]').wait_for()
    assert root.get_attribute("data-volume-dice") == "0.8000"
    assert re.findall(r"\d+", viewer.locator(".z-legend").inner_text()) == ["100", "50", "0"]
    viewer.get_by_role("button", name="Oracle").click()
    assert root.get_attribute("data-volume-dice") == "0.8000"
    viewer.locator(".z-slice").fill("20")
    viewer.locator(f'{ROOT}[data-dice="–"]').wait_for()


def test_python_moves_the_slice_or_the_threshold_alone(viewer):
    viewer.locator(".z-threshold").fill("90")
    viewer.get_by_text("threshold=0.3529 touched=True").wait_for()
    viewer.get_by_role("button", name="Jump to 12").click()
    expect_slice(viewer, 12)
    assert viewer.locator(ROOT).get_attribute("data-cut") == "90"
    viewer.get_by_text("python slice=12 threshold=0.3529").wait_for()
    viewer.locator(".z-slice").fill("14")
    viewer.get_by_text("python slice=14").wait_for()
    viewer.get_by_role("button", name="Rerun").click()
    viewer.get_by_role("button", name="Threshold 100").click()
    viewer.locator(f'{ROOT}[data-cut="100"]').wait_for()
    expect_slice(viewer, 14)
    viewer.get_by_text("python slice=14 threshold=0.3922").wait_for()
    viewer.get_by_role("button", name="Jump to 12").click()
    expect_slice(viewer, 12)
    viewer.get_by_text("python slice=12 threshold=0.3922").wait_for()


def test_scrubbing_sends_no_volume(viewer):
    viewer.goto(f"{viewer.url}?size=big")
    viewer.locator(f'{ROOT}[data-parts="whole"]').wait_for()
    assert max(viewer.received) > 2_000_000  # the map, packed
    viewer.wait_for_timeout(300)
    viewer.received.clear()
    first = int(viewer.locator(ROOT).get_attribute("data-slice"))
    viewer.locator(ROOT).focus()
    for _ in range(15):
        viewer.keyboard.press("ArrowUp")
    viewer.get_by_text(f"python slice={first + 15}").wait_for()
    assert 0 < max(viewer.received) < 20_000


def test_overlay_keys(viewer):
    viewer.locator(".z-slice").fill("10")
    viewer.locator(f'{ROOT}[data-slice="10"]').wait_for()
    viewer.locator(ROOT).focus()
    viewer.keyboard.press("z")
    found = """canvas => { const [w, h] = [canvas.width, canvas.height];
        const size = h / 60, left = (w - 50 * size) / 2;
        const pen = canvas.getContext("2d");
        return [...pen.getImageData(left + 12.5 * size, 25 * size, 1, 1).data] }"""
    canvas = viewer.locator(".z-canvas")
    shown = canvas.evaluate(found)
    assert shown[1] > shown[0] + 40
    viewer.keyboard.down("o")
    viewer.wait_for_timeout(100)
    assert canvas.evaluate(found)[:3] == [60, 60, 60]
    viewer.keyboard.up("o")
    viewer.wait_for_timeout(100)
    assert canvas.evaluate(found) == shown
    viewer.keyboard.press("?")
    assert viewer.locator(".z-help").is_visible()
    viewer.keyboard.press("m")
    viewer.locator('.z-layers [aria-pressed="true"]', has_text="Truth outline").wait_for()


def test_small_components_are_left_out_as_the_server_does(page, serve):
    page.goto(f"{serve(SCRIPT).url}/?size=big&smallest=40")
    page.locator(f'{ROOT}[data-parts="whole"]').wait_for()
    for cut in (40, 60, 128):
        page.locator(".z-threshold").fill(str(cut))
        page.get_by_text(f"threshold={cut / 255:.4f} touched=True").wait_for()
        shown = page.locator(ROOT).get_attribute("data-volume-dice")
        page.get_by_text(f"server dice={shown}", exact=True).wait_for()
    assert page.complaints == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [("maps=0", "truth"), ("truth=0", "Dice not shown"), ("maps=2", "3D Dice")],
)
def test_without_truth_without_map_and_with_two(page, serve, query, expected):
    page.goto(f"{serve(SCRIPT).url}/?{query}")
    page.locator(f"{ROOT}[data-slice]").wait_for()
    page.locator(f'{ROOT}[data-parts="whole"]').wait_for()
    page.locator(ROOT).get_by_text(expected).first.wait_for()
    if query != "maps=2":
        assert page.locator(ROOT).get_attribute("data-dice") == ""
    assert page.complaints == []


def test_the_first_picture_comes_before_the_volume_and_claims_nothing_of_it(page, serve):
    page.add_init_script(
        """window.seen = [];
        const look = () => {
            requestAnimationFrame(look);
            const root = [...document.querySelectorAll("*")]
                .map(node => node.shadowRoot?.querySelector(".z-root[data-parts]")).find(Boolean);
            if (!root || root.querySelector(".z-message").textContent) return;
            const { parts, slice, dice } = root.dataset;
            window.seen.push({ parts, slice, dice,
                names: [...root.querySelectorAll(".z-header .z-name")].map(n => n.textContent),
                oracle: !root.querySelector(".z-side button[title^='Uses the']").hidden });
        };
        look();"""
    )
    page.goto(f"{serve(SCRIPT).url}/?size=big")
    page.locator(f'{ROOT}[data-parts="whole"]').wait_for()
    page.wait_for_timeout(200)
    first, last = page.evaluate("[window.seen[0], window.seen.at(-1)]")
    assert (first["parts"], first["oracle"]) == ("some", False)
    assert (last["parts"], last["oracle"]) == ("whole", True)
    assert (first["slice"], first["dice"]) == (last["slice"], last["dice"]) != ("", "")
    of_volume = {"3D Dice", "truth", "predicted", "false positive"}
    assert "2D Dice" in first["names"]
    assert of_volume.isdisjoint(first["names"])
    assert of_volume <= set(last["names"])
