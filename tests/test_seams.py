"""Where tests replace a function or a constant, and why nothing real would do."""

import ast
from pathlib import Path

TESTS = Path(__file__).parent
REPLACED = {
    "AppTest clicks on no figure and no table": (
        "pages/test_cohort.py",
        "pages/test_depth_page.py",
    ),
    "work is counted, or forbidden where it is to be done no second time": (
        "evaluation/test_keeping.py",
        "evaluation/test_run.py",
        "inference/test_pipeline.py",
        "inference/test_stored_cubes.py",
        "lab/test_candidates.py",
        "lab/test_prompt_search.py",
        "methods/test_mvfa_training.py",
        "pages/test_export_page.py",
        "pages/test_marks.py",
        "pages/test_present_page.py",
    ),
    "a limit is made small, as what reaches the real one takes minutes or gigabytes": (
        "base/test_audit.py",
        "imaging/uploads/test_arrivals.py",
        "imaging/uploads/test_receive.py",
        "pages/test_uploads.py",
        "pages/test_viewer_payload.py",
        "report/test_figures.py",
        "results/test_results.py",
        "training/test_through_tower.py",
        "training/test_train_command.py",
    ),
    "a hub is in reach or not; huggingface_hub reads its address and folder when it is imported": (
        "backbones/test_fetching.py",
        "pages/test_weights.py",
        "setups/test_setups.py",
    ),
    "other files than those shipped, which lie in the package": (
        "methods/test_adding_a_method.py",
        "methods/test_contracts.py",
        "report/test_samples.py",
        "training/test_card.py",
        "workspace/test_pins.py",
    ),
    "a processor, a file system or an environment that is not at hand": (
        "backbones/test_device.py",
        "base/test_atomic.py",
        "evaluation/test_on_ray.py",
        "pages/test_team.py",
    ),
    "a fault at each step in turn, where a kill at random would seldom fall": (
        "results/test_deletion.py",
    ),
    "the same result without the shortcut, or with one part switched off": (
        "backbones/test_last_block.py",
        "inference/test_frozen_keys.py",
        "methods/test_aaclip.py",
    ),
    "answers at a terminal": ("cli/test_predictions_command.py",),
}


def replaces(path):
    """Whether a test module sets an attribute or an item through `monkeypatch` or `mock`."""
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    names = {getattr(call.func, "attr", "") for call in calls}
    return bool(names & {"setattr", "setitem"}) or "mock.patch" in path.read_text()


def test_every_replacement_has_its_reason():
    files = (path for path in TESTS.rglob("test_*.py") if path != Path(__file__))
    found = {str(path.relative_to(TESTS)) for path in files if replaces(path)}
    assert found == {name for names in REPLACED.values() for name in names}
