"""What the browser works out of a mask equals what the server does: components, lesions, Dice."""

import itertools

import numpy as np
import pytest
from scipy import ndimage

from pages.ui.viewer.payload import ViewerState, on_grid
from zsad_core.metrics import lesion_matching
from zsad_core.metrics.dice import EMPTY_RULES, dice
from zsad_core.metrics.lesions import lesions
from zsad_core.metrics.scoring import NEIGHBOURS_26, without_small
from zsad_core.metrics.thresholds import threshold_text
from zsad_explorer import VIEWER

SITE = "http://viewer/"
WORK = """async ([expression, given]) => {
    const names = ["thresholds", "counts", "components"];
    const modules = await Promise.all(names.map((name) => import(`/${name}.js`)));
    const parts = Object.assign({}, ...modules);
    const work = new Function("given", ...Object.keys(parts), `return ${expression}`);
    return work(given, ...Object.values(parts));
}"""
BRAIN, TRUTH = 1, 2
SHAPE = (9, 14, 11)
MASKS = [(seed, share) for seed in range(3) for share in (0.02, 0.08, 0.2)]


@pytest.fixture(scope="module")
def worked(browser):
    """worked(expression, given) is what the parts of the viewer make of `given`."""
    page = browser.new_page()
    page.route(
        f"{SITE}**", lambda route: route.fulfill(path=VIEWER / route.request.url[len(SITE) :])
    )
    page.goto(f"{SITE}package.json")

    def work(expression, given):
        return page.evaluate(WORK, [expression, given])

    yield work
    page.close()


def mask_of(seed, share):
    return np.random.default_rng(seed).random(SHAPE) < share


def volume_of(truth):
    """The volume as JavaScript has it; all of it is brain."""
    flags = (BRAIN + TRUTH * truth.ravel()).tolist()
    return dict(zip(("slices", "height", "width"), SHAPE, strict=True)) | {"flags": flags}


@pytest.mark.parametrize(("seed", "share"), MASKS)
def test_components_are_the_servers(worked, seed, share):
    mask = mask_of(seed, share)
    sizes = worked(
        """(() => {
            const sizes = [];
            forComponents(given.volume, given.voxels, (queue, from, to) => sizes.push(to - from));
            return sizes;
        })()""",
        {"volume": volume_of(mask), "voxels": np.flatnonzero(mask).tolist()},
    )
    part, count = ndimage.label(mask, NEIGHBOURS_26)
    assert len(sizes) == count
    assert sorted(sizes) == sorted(np.bincount(part.ravel())[1:].tolist())


@pytest.mark.parametrize(("seed", "share"), MASKS)
def test_what_is_left_of_a_mask_is_the_servers(worked, seed, share):
    mask = mask_of(seed, share)
    kept, dropped = worked(
        """(() => {
            const { mask, dropped } = withoutSmall(given.volume, given.levels, given);
            return [mask.reduce((all, one, i) => (one ? [...all, i] : all), []), dropped];
        })()""",
        {
            "volume": volume_of(mask),
            "levels": (mask.ravel() * 9).tolist(),
            "predicted": mask.sum(axis=(1, 2)).tolist(),
            "cut": 9,
            "brainOnly": True,
            "smallest": 4,
        },
    )
    left = without_small(mask, 4)
    assert kept == np.flatnonzero(left).tolist()
    assert sorted(dropped) == np.flatnonzero(mask & ~left).tolist()


@pytest.mark.parametrize(("seed", "share"), MASKS)
def test_lesions_are_those_of_the_2023_rule(worked, seed, share):
    truth = mask_of(seed, share) & (mask_of(seed + 100, 0.2) | (share < 0.1))
    found = worked("lesionsOf(given)", volume_of(truth))
    lesion = lesion_matching.by_contact(truth, np.zeros_like(truth)).lesion
    sizes = np.bincount(lesion.ravel())[1:]
    index = lesions(truth, np.zeros_like(truth), (1.0, 1.0, 1.0), "brats2023").index
    assert len(sizes) < ndimage.label(truth, NEIGHBOURS_26)[1]  # some are joined
    expected = sorted(zip(index.tolist(), sizes.tolist(), strict=True))
    assert sorted((one["at"][0], one["voxels"]) for one in found) == expected


@pytest.mark.parametrize("rule", EMPTY_RULES)
def test_one_rule_of_dice(worked, rule):
    every = list(itertools.product((0, 1, 5), repeat=3))
    counts = np.concatenate([every, np.random.default_rng(0).integers(0, 9, (3000, 3))])
    tp, fp, fn = counts.T
    given = {"counts": counts.tolist(), "rule": (EMPTY_RULES[rule].alarm, EMPTY_RULES[rule].empty)}
    shown = worked("given.counts.map(([tp, fp, fn]) => dice({ tp, fp, fn }, given.rule))", given)
    assert np.array_equal(dice(tp + fn, tp + fp, tp, rule), shown, equal_nan=True)


def test_a_value_stands_at_the_same_place_for_both(worked):
    thresholds = np.sort(np.random.default_rng(0).random(256).astype(np.float32))
    thresholds[0], thresholds[200:203] = 0, thresholds[200]
    values = [*np.random.default_rng(1).random(200).tolist(), *thresholds.tolist(), 0.1, 0, 1]
    given = {"thresholds": thresholds.tolist(), "values": values}
    shown = worked("given.values.map(one => given.thresholds[cutOf(given.thresholds, one)])", given)
    assert shown == [on_grid(ViewerState(0, one, False), thresholds).threshold for one in values]


def test_a_threshold_is_written_so_that_its_neighbours_differ(worked):
    thresholds = np.zeros(256, np.float32)
    thresholds[1:6] = 1e-5, 0.25, 0.412, 0.41201, 1
    thresholds[6:] = 1
    texts = worked("given.map((_, cut) => shortText(given, cut))", thresholds.tolist())
    assert texts[:6] == ["0", "0.0000100", "0.250", "0.412", "0.41201", "1.00"]
    assert set(texts[6:]) == {"1.00"}
    assert worked("intervalText(given, 2)", thresholds.tolist()) == "0.250–0.412"
    assert worked("intervalText(given, 255)", thresholds.tolist()) == "≥ 1.00"
    thresholds[255], thresholds[254] = 3, np.nextafter(np.float32(3), np.float32(0))
    ends = worked("[254, 255].map((cut) => shortText(given, cut))", thresholds.tolist())
    assert ends == ["2.9999998", "3.00"]


def test_a_threshold_is_written_exactly(worked):
    values = np.array([0, 0.25, 2.9999974, 3, *np.random.default_rng(0).random(99)], np.float32)
    texts = worked("given.map(thresholdText)", values.tolist())
    assert texts[:4] == ["0", "0.250", "2.9999974", "3.00"]
    assert np.array_equal(np.array(texts, np.float32), values)
    assert [np.float32(threshold_text(float(value))) for value in values] == values.tolist()
