"""What a cohort names to evaluate, and what is refused of it."""

from dataclasses import replace

import pytest

from tests.helpers.evaluations import cohort
from zsad_core.errors import SettingError
from zsad_core.evaluation.tasks import subjects
from zsad_core.types import DataSpec


@pytest.mark.parametrize(
    ("name", "modality", "why"),
    [
        ("DEMO-MET-030-000", "t2f", "cannot be evaluated: DEMO-MET-030-000-seg.* the label 7"),
        ("DEMO-MET-013-000", "ct", "has no 'ct', only t2f, t1c, t1n, t2w; choose one of these"),
        ("DEMO-MET-013-000", "t2f", "is in split 'test', not in 'train'; choose that, or all"),
    ],
)
def test_a_subject_that_is_named_is_refused_for_its_own_reason(tmp_path, name, modality, why):
    chosen = cohort("", tmp_path, data=DataSpec("demo-2mm"), names=(name,), split="train")
    with pytest.raises(SettingError, match=f"'{name}' {why}"):
        subjects(replace(chosen, modality=modality))
