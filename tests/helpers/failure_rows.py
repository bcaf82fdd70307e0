"""Rows of failure cases made by hand, and the cases found in them."""

from tests.helpers.rows import row
from zsad_core import methods
from zsad_core.base.store import key_of
from zsad_core.evaluation.row_views import scan_of, view_of
from zsad_core.inference import evaluation, pipeline
from zsad_core.prompts import sets as prompt_sets
from zsad_core.prompts.sets import NO_PROMPTS
from zsad_core.report.comparison_groups import ComparisonGroup
from zsad_core.report.failures import cases, failures, ranking
from zsad_core.report.selection import Selection
from zsad_core.results import parquet as results
from zsad_core.types import DataSpec, SliceSpec

GROUP = ComparisonGroup("demo-2mm", "t2f", "axial", "validation")
SUBJECT = "DEMO-MET-013-000"
MEDICAL = methods.of_region(prompt_sets.shipped()["medical"])


def put(root, *slices, subject=SUBJECT, lesions=(), **columns):
    """A row whose slices are (truth, predicted, overlap), evenly spaced from depth -1 to 1.

    Its lesions are (mm³, found, slice); voxels are of 2 mm³.
    """
    mm3, hits, indices = zip(*lesions, strict=True) if lesions else ((), (), ())
    facts = {
        "key": f"{subject}-{key_of('', given=columns)}",
        "map": "m1",
        "subject": subject,
        "data": "demo-2mm",
        "modality": "t2f",
        "plane": "axial",
        "method": "winclip",
        "setup": "zero-shot",
        "prompts": "medical",
        "prompts_digest": prompt_sets.digest(MEDICAL),
        "threshold_rule": "validation",
        "threshold_note": "over 4 subjects",
        "threshold_value": 0.35,
        "ranked_on": "values",
        "brain_only": True,
        "voxel_ml": 0.002,
        "truth_ml": 2.0,
        "dice_3d": 0.25,
        "brats2023_lesion_mm3": mm3,
        "brats2023_lesion_found": hits,
        "brats2023_lesion_slice": indices,
        "brats2023_missed": hits.count(False),
        "brats2023_true_positives": hits.count(True),
        "truth": sum(counts[0] for counts in slices),
    } | columns
    results.append(root, "subjects", facts["key"], [row("subjects", **facts)])
    slice_rows = [
        row(
            "slices",
            key=facts["key"],
            index=index,
            depth_middle=2 * index / max(len(slices) - 1, 1) - 1,
            depth_centroid=0.0,
            brain=100,
            truth=counts[0],
            predicted=counts[1],
            overlap=counts[2],
        )
        for index, counts in enumerate(slices)
    ]
    results.append(root, "slices", facts["key"], slice_rows)


def failures_of(root, centre="middle", group=GROUP, **filters):
    with results.connect(root) as rows:
        all_cases = cases(rows, group, centre)
    return failures(all_cases, ranking(all_cases, Selection(group, **filters)))


def as_read(engine, subject=SUBJECT, method="winclip"):
    """What a row of the demo says of the bytes and the map it was read from."""
    slices = SliceSpec(DataSpec("demo-2mm"), subject)
    prompts = MEDICAL if methods.METHODS[method].prompts else NO_PROMPTS
    spec = pipeline.map_spec(engine, slices, method, "zero-shot", prompts)
    return {
        "scan_digest": engine.digest(slices),
        "map": evaluation.map_key(engine, spec),
        "precision_of_features": spec.features.precision if spec.features.recipe else "",
    }


def view_of_case(engine, case):
    return view_of(engine, case.row, scan_of(engine, case.row, [DataSpec("demo-2mm")]), case.index)
