"""The viewer's threshold is a value, and its mask is the server's, at every place of the slider."""

import numpy as np
import pytest

from tests.helpers.phantoms import other_grid, saturated, small

SCRIPT = "tests/browser/viewer_app.py"
ROOT = ".z-root"
DRAG = """async slider => {
    const root = slider.getRootNode().querySelector(".z-root");
    const seen = [];
    for (let cut = 255; cut >= 0; cut--) {
        slider.value = cut;
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
        const { threshold, counts, volumeCounts } = root.dataset;
        const text = root.querySelector(".z-side").textContent;
        seen.push({ cut, threshold: Number(threshold), text,
            counts: JSON.parse(`[${counts}]`), volume: JSON.parse(`[${volumeCounts}]`) });
    }
    return seen;
}"""


@pytest.fixture
def opened(page, serve):
    def start(query):
        page.goto(f"{serve(SCRIPT).url}/?{query}")
        page.locator(f'{ROOT}[data-parts="whole"]').wait_for()
        page.get_by_text("python slice=").wait_for()
        return page

    yield start
    assert page.complaints == []


def told(page, name):
    return page.locator(ROOT).get_attribute(f"data-{name}")


def test_every_threshold_of_a_saturated_map_has_the_servers_mask(opened):
    phantom, index = saturated(), 11
    brain = phantom.values[phantom.volume.brain]
    assert (brain < 1 / 256).mean() > 0.5
    page = opened("size=saturated")
    page.locator(".z-slice").fill(str(index))
    for seen in page.locator(".z-threshold").evaluate(DRAG):
        threshold = float(phantom.thresholds[seen["cut"]])
        assert seen["threshold"] == threshold
        assert tuple(seen["counts"]) == phantom.counts(threshold, index)
        assert tuple(seen["volume"]) == phantom.counts(threshold)
        assert "level" not in seen["text"]


def test_the_threshold_starts_at_half_of_the_range_and_goes_by_keys(opened):
    phantom = saturated()
    page = opened("size=saturated")
    page.get_by_text("threshold=0.5000 touched=False").wait_for()
    half = int(np.searchsorted(phantom.thresholds, 0.5))
    assert told(page, "cut") == str(half)
    slider = page.locator(".z-threshold")
    slider.focus()
    for key, cut in (("ArrowRight", half + 1), ("ArrowDown", half), ("Home", 0)):
        page.keyboard.press(key)
        page.locator(f'{ROOT}[data-cut="{cut}"]').wait_for()
        assert float(told(page, "threshold")) == phantom.thresholds[cut]
        head = page.locator(".z-side .z-label", has_text="Threshold").inner_text()
        assert head == f"Threshold {slider.get_attribute('aria-valuetext')}"
        assert float(head.split()[1]) == pytest.approx(phantom.thresholds[cut], rel=5e-3)


def test_the_oracle_is_the_lowest_threshold_with_the_best_dice(opened):
    phantom = saturated()
    page = opened("size=saturated")
    page.get_by_role("button", name="Oracle").click()
    tp, fp, fn = np.transpose([phantom.counts(one) for one in phantom.thresholds])
    dice = 2 * tp / (2 * tp + fp + fn)
    page.locator(f'{ROOT}[data-volume-dice="{dice.max():.4f}"]').wait_for()
    assert told(page, "cut") == str(int(dice.argmax()))


def test_another_grid_keeps_the_value_or_takes_the_next_and_says_so(opened):
    page, grid = opened(""), small().thresholds
    others = other_grid(grid)
    switch = page.get_by_text("Other grid")

    def expect(cut, value):
        page.locator(f'{ROOT}[data-cut="{cut}"]').wait_for()
        assert float(told(page, "threshold")) == value
        page.get_by_text(f"threshold={value:.4f} touched=True").wait_for()

    page.locator(".z-threshold").fill("90")
    expect(90, grid[90])
    switch.click()
    expect(int(np.flatnonzero(others == grid[90])[0]), grid[90])
    switch.click()
    expect(90, grid[90])
    page.locator(".z-threshold").fill("100")
    expect(100, grid[100])
    switch.click()
    next_above = int(np.searchsorted(others, grid[100]))
    expect(next_above, others[next_above])
    assert others[next_above] > grid[100]
    switch.click()  # nothing was touched meanwhile
    expect(100, grid[100])


def test_a_volume_without_lesion_has_no_dice(opened):
    page = opened("truth=empty&rule=both_empty_one")
    page.locator(".z-cell", has_text="3D Dice").get_by_text("no lesion: no Dice").wait_for()
    false = page.locator(".z-cell", has_text="false positive").locator(".z-value")
    assert false.inner_text() == "0.4 ml"
    assert page.get_by_role("button", name="Oracle").count() == 0
    assert (told(page, "volume-dice"), told(page, "dice")) == ("–", "1.0000")  # nothing predicted
    page.locator(".z-slice").fill("10")
    page.locator(f'{ROOT}[data-slice="10"][data-dice="0.0000"]').wait_for()


def test_maps_of_other_ranges_stand_at_the_same_share(opened):
    page = opened("maps=3")
    page.locator(".z-threshold").fill("60")
    page.locator(".z-side").get_by_text("② 0.23529412 · ③ 0.47058824").wait_for()
    page.get_by_role("button", name="Others at the same share").wait_for()


def test_the_safe_colours_have_their_cues(opened):
    page = opened("palette=safe")
    page.locator(".z-legend .z-swatch.z-hatch").wait_for()
    page.locator(".z-legend .z-swatch.z-line").wait_for()
    page.get_by_role("button", name="Classic").click()
    page.locator(".z-legend .z-swatch.z-hatch").wait_for(state="detached")
