"""Predictions of another model on the pages: added on Setup, seen on Explore, Depth, Cohort."""

import nibabel as nib
import numpy as np
import pytest

from tests.helpers.pages import at, widget
from zsad_core.imaging import datasets
from zsad_core.imaging.predictions import registry
from zsad_core.types import DataSpec
from zsad_core.workspace import pins

DATA, SUBJECT = DataSpec("demo-2mm"), "DEMO-MET-014-000"
NAME = "Predictions of another model"


pytestmark = pytest.mark.usefixtures("small_demo")


@pytest.fixture
def masks(tmp_path):
    """The truth of one subject as another model's mask, its axes turned round."""
    folder = tmp_path / "masks"
    folder.mkdir()
    dataset = datasets.open_dataset(DATA)
    volume = dataset.load(SUBJECT, "t2f")
    image = nib.Nifti1Image(volume.truth.astype(np.uint8), volume.affine)
    turned = image.as_reoriented([[1, -1], [0, 1], [2, -1]])
    nib.save(turned, folder / f"{SUBJECT}.nii.gz")
    nib.save(turned, folder / "nobody.nii.gz")
    return folder


PAGES = {"Setup": 6, "Explore": 1, "Depth": 3, "Cohort": 4}


def opened(page, **state):
    choice = {"data": "demo-2mm:", "subject": SUBJECT, **state}
    test = at(f"pages/{PAGES[page]}_{page}.py", **choice).run()
    assert not test.exception, test.exception[0].stack_trace
    return test


def said(test):
    return " ".join(one.value for kind in (test.caption, test.info, test.success) for one in kind)


def test_a_folder_is_shown_added_and_then_a_method_like_any_other(masks):
    test = opened("Setup", section="Predictions")
    test.selectbox(key="predictions-data").set_value("demo-2mm:")
    test.text_input(key="predictions-folder").set_value(str(masks))
    test.text_input(key="predictions-name").set_value("nn [v2]").run()
    assert "cannot be used; give up to 40 letters" in " ".join(one.value for one in test.error)
    test.text_input(key="predictions-name").set_value("nn-v2").run()
    states = test.dataframe[0].value["state"].value_counts().to_dict()
    assert states == {"matches": 1, "no subject": 1, "no file": 31}
    assert registry.sets_of(DATA) == ()
    next(one for one in test.button if one.label == "Add for 1 subject").click().run()
    assert not test.exception
    assert "Added nn-v2" in said(test)
    assert "Added nn-v2" in said(test.run())  # another run, such as a job's, takes it from nobody
    fields = [test.text_input(key=f"predictions-{name}") for name in ("folder", "name")]
    assert [field.value for field in fields] == ["", ""]
    assert not test.error
    assert registry.find(DATA, "nn-v2").kind == "mask"

    explore = opened("Explore", method="predictions", setup="nn-v2", rule="fixed")
    numbers = {one.label: one.value for one in explore.metric}
    assert numbers["3D Dice"] == "1.000"
    assert "Voxel AUROC (brain)" not in numbers
    assert "A mask has one threshold: no AUROC" in said(explore)
    assert "Trained on: not stated" in said(explore)
    next(one for one in explore.button if one.label == "Pin").click().run()
    assert not explore.error
    assert [(pin.method, pin.setup) for pin in pins.all_pins()] == [("predictions", "nn-v2")]

    for rule in ("share", "validation", "fp", "components"):  # a truth has one threshold alone
        explore = opened("Explore", method="predictions", setup="nn-v2", rule=rule)
        numbers = {one.label: one.value for one in explore.metric}
        assert numbers["3D Dice"] == "1.000"
        assert "the one threshold of a mask" in said(explore)

    depth = opened("Depth", method="predictions", setup="nn-v2", rule="fixed")
    assert f"{NAME} · nn-v2" in depth.multiselect(key="series").value

    cohort = opened("Cohort", method="predictions", setup="nn-v2")
    assert NAME in cohort.multiselect(key="cohort-methods").options
    cohort.multiselect(key="cohort-methods").set_value([NAME, "Intensity"]).run()
    within = cohort.multiselect(key="cohort-subjects").options
    other = next(name for name in within if name != SUBJECT)
    cohort.multiselect(key="cohort-subjects").set_value([SUBJECT, other]).run()
    (warning,) = [one.value for one in cohort.warning]
    assert warning.startswith(f"Left out of every method: {other}. ")
    cohort.multiselect(key="cohort-methods").set_value(["Intensity"]).run()
    assert not cohort.warning
    cohort.multiselect(key="cohort-methods").set_value([NAME]).run()
    cohort.multiselect(key="cohort-subjects").set_value([other]).run()
    (error,) = [one.value for one in cohort.error]
    assert other in error


def test_data_without_predictions_do_not_offer_them():
    test = opened("Explore", method="intensity", rule="fixed")
    assert NAME not in widget(test.selectbox, "method").options
