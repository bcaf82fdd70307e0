"""What an evaluation leaves on the disk: features, maps or nothing; its rows are the same."""

import numpy as np
import pytest

from tests.helpers.evaluations import PROMPTS, cohort, engine, rows_of, write_scans
from zsad_core.evaluation.plan import plan
from zsad_core.evaluation.run import local, run
from zsad_core.evaluation.tasks import Configuration, spec_of
from zsad_core.imaging.splits import registry
from zsad_core.imaging.splits.tables import Fold, SplitTable
from zsad_core.inference import pipeline
from zsad_core.inference.sources import resolve
from zsad_core.methods.winclip.method import WinClip
from zsad_core.types import DataSpec

CONFIGURATIONS = tuple(
    Configuration(method, setup, PROMPTS)
    for method, setup in (
        ("intensity", "zero-shot"),
        ("winclip", "zero-shot"),
        ("mutual3d", "zero-shot"),
        ("adaclip", "brats"),
    )
)
FOLDS = (Fold(("b", "site/c"), ("a",), ()), Fold(("a",), ("b", "site/c"), ()))
NAMES = ("a", "b", "site/c")


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    return write_scans(tmp_path_factory.mktemp("scans"))


@pytest.fixture(autouse=True)
def _split(scans):
    registry.save(DataSpec("folder", str(scans)), SplitTable("s", FOLDS))


def cohort_of(scans, root, **changes):
    """Its thresholds are tuned on the curves of the subjects themselves."""
    given = {"configurations": CONFIGURATIONS, "rules": ("cross-validation", "oracle"), **changes}
    return cohort(scans, root, data=DataSpec("folder", str(scans), split="s/1"), **given)


def sources(made, one):
    specs = [
        spec_of(made, one, name, configuration)
        for name in NAMES
        for configuration in one.configurations
        if configuration.method != "intensity"
    ]
    return [resolve(made, spec) for spec in specs]


def stored(made, keys):
    """Names of the arrays of some entries."""
    return [made.store.names(key) for key in keys]


@pytest.fixture(scope="module")
def features_kept(scans, tmp_path_factory):
    """Rows and disk of a run that keeps features, as it does unless told."""
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("features")
        patch.setenv("ZSAD_HOME", str(root / "home"))
        registry.save(DataSpec("folder", str(scans)), SplitTable("s", FOLDS))
        made, one = engine(root), cohort_of(scans, root)
        run(made, one, local(made))
        found = sources(made, one)
        assert all(all(stored(made, source.entries())) for source in found)
        assert not any(stored(made, [source.map_key for source in found]))
        return rows_of(one.out), made.store.size_bytes()


@pytest.mark.parametrize("keep", ["maps", "rows"])
def test_the_disk_holds_what_was_chosen_and_rows_are_the_same(
    scans, tmp_path, keep, features_kept, monkeypatch
):
    rows, size = features_kept
    made, one = engine(tmp_path), cohort_of(scans, tmp_path, keep=keep)
    encoded, encode = [], WinClip.encode
    monkeypatch.setattr(
        WinClip, "encode", lambda *given: (encoded.append(len(given[2])), encode(*given))[1]
    )
    run(made, one, local(made))
    assert rows_of(one.out) == rows
    assert sum(encoded) == 2 * len(NAMES)  # each slice once, though each scan is read twice
    found = sources(made, one)
    assert not any(stored(made, [key for source in found for key in source.entries()]))
    maps = stored(made, [source.map_key for source in found])
    assert maps == [{"values", "scores"} if keep == "maps" else set()] * len(found)
    per_slice = [source.texts.key for source in found if source.spec.method == "adaclip"]
    assert not any(stored(made, per_slice))
    assert made.store.size_bytes() < size / 4
    assert not made.maps.peek(found[0].key)


def test_kept_maps_give_other_rows_without_encoding(scans, tmp_path, monkeypatch):
    one = cohort_of(scans, tmp_path, configurations=CONFIGURATIONS[1:2], keep="maps")
    run(engine(tmp_path), one, local(engine(tmp_path)))
    spec = spec_of(engine(tmp_path), one, "a", CONFIGURATIONS[1])
    wanted = pipeline.anomaly_map(engine(tmp_path / "other"), spec)
    monkeypatch.setattr(WinClip, "encode", None)
    again = cohort_of(scans, tmp_path, configurations=CONFIGURATIONS[1:2], rules=("40%",))
    made = engine(tmp_path)
    run(made, again, local(made))
    assert pipeline.ready(made, spec)
    np.testing.assert_array_equal(pipeline.slice_maps(made, spec, [2])[0], wanted.values[[2]])
    np.testing.assert_array_equal(pipeline.anomaly_map(made, spec).values, wanted.values)
    np.testing.assert_array_equal(pipeline.anomaly_map(made, spec).scores, wanted.scores)


def test_what_was_stored_before_stays(scans, tmp_path):
    one = cohort_of(scans, tmp_path, configurations=CONFIGURATIONS[1:2], keep="rows")
    made = engine(tmp_path)
    first = resolve(made, spec_of(made, one, "a", CONFIGURATIONS[1]))
    first.encode()
    before = made.store.names(first.features.key)
    run(made, one, local(made))
    assert made.store.names(first.features.key) == before
    assert not any(stored(made, sources(made, one)[-1].entries()))


def test_memory_holds_what_a_user_looks_at_and_nothing_of_an_evaluation(scans, tmp_path):
    made, one = engine(tmp_path), cohort_of(scans, tmp_path, configurations=CONFIGURATIONS[1:2])
    shown = resolve(made, spec_of(made, one, "a", CONFIGURATIONS[1]))
    pipeline.slice_maps(made, shown.spec, [1])
    aligned = shown.aligned([1])
    run(made, one, local(made))
    assert shown.aligned([1]) is aligned
    assert [len(cache._values) for cache in (made.aligned, made.maps)] == [1, 0]


def test_the_plan_says_the_disk_of_each_choice(scans, tmp_path, features_kept):
    planned = cohort_of(scans, tmp_path, configurations=CONFIGURATIONS[1:2], keep="rows")
    made = engine(tmp_path)
    workload = plan(made, planned)
    assert "by what is kept: under 0.1 GB with features, under 0.1 GB with maps" in str(workload)
    sizes = {name: size * 2**30 for name, size in workload.gigabytes.items()}
    maps = len(NAMES) * 2 * 20 * 24 * 4
    assert sizes["maps"] == pytest.approx(maps + sizes["features"] / len(NAMES), rel=0.01)
    assert sizes["rows"] == pytest.approx(sizes["maps"])  # all maps wait for the thresholds
    untuned = cohort_of(scans, tmp_path, configurations=CONFIGURATIONS[1:2], rules=("1",))
    alone = plan(engine(tmp_path / "alone"), untuned)
    assert alone.gigabytes["rows"] * 2**30 == pytest.approx(sizes["features"] / len(NAMES))
    run(made, planned, local(made))
    assert not any(stored(made, [source.features.key for source in sources(made, planned)]))
