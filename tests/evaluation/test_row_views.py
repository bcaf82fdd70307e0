"""A row opens as the map that it was read from."""

import pytest

from zsad_core.evaluation.row_views import scan_of, view_of
from zsad_core.evaluation.rows import Results, make
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.metrics.threshold_rules import Oracle
from zsad_core.prompts import sets as prompt_sets
from zsad_core.results import parquet as results
from zsad_core.types import DataSpec, SliceSpec

DATA = DataSpec("demo-2mm")


@pytest.mark.parametrize("texts", ["medical", "appearance"])
@pytest.mark.parametrize("method", ["intensity", "mutual3d"])
def test_a_row_opens_whatever_texts_are_chosen_beside_a_method_without(tmp_path, method, texts):
    engine, slices = Engine(), SliceSpec(DATA, "DEMO-MET-013-000")
    prompts = prompt_sets.shipped()[texts]
    volumes = ("DEMO-MET-001-000",) if method == "mutual3d" else ()
    spec = pipeline.map_spec(engine, slices, method, "zero-shot", prompts, volumes=volumes)
    [key] = make(engine, spec, Results(tmp_path), [Oracle().pending])
    [row] = results.read(tmp_path, "subjects", key)
    assert (row["prompts"], row["prompts_digest"]) == ("", "")
    assert view_of(engine, row, scan_of(engine, row, [DATA]), 39).map == spec
