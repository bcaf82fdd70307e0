"""The weights of the Setup page: fetch, add, refuse, forget; and own setups in the sidebar."""

import time
from importlib import import_module

import huggingface_hub
import pytest
from huggingface_hub import constants
from huggingface_hub.errors import LocalEntryNotFoundError
from streamlit.testing.v1 import AppTest

from pages.ui.shell import compute
from tests.helpers.pages import ROOT, WAIT, at, shown, widget
from tests.helpers.weights import linear_layers, small_backbone
from zsad_core import setups
from zsad_core.base import settings
from zsad_core.setups import Setup
from zsad_core.setups import user as own_setups
from zsad_core.types import BackboneSpec

OWN = ("winclip", "mine")
SUBJECT = "DEMO-MET-013-000"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def small(files):
    return BackboneSpec(*(str(path) for path in small_backbone(files)))


@pytest.fixture(autouse=True)
def _no_hub(small_demo, tmp_path, monkeypatch):
    """No weights were fetched, and there is no connection."""
    import_module("open_clip")  # takes the hub's functions as they are when it is imported

    def refuse(*_, **__):
        raise LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)


def opened(page="pages/6_Setup.py", **state):
    return shown(at(page, **{"section": "Weights", **state}))


def filled(test, backbone, **fields):
    named = {"name": "mine", "backbone": backbone.name, "weights": backbone.weights, **fields}
    for key, value in named.items():
        test.text_input(key=f"own-{key}").set_value(value)
    return test


def add(test):
    next(button for button in test.button if button.label == "Add").click().run()
    assert not test.exception, test.exception[0].stack_trace
    return test


def table(test):
    return test.dataframe[0].value.set_index(["method", "setup"])


def test_the_form_adds_a_setup_and_the_table_shows_it(small):
    test = filled(opened(), small, note="from *my* lab")
    test.selectbox(key="own-method").set_value("winclip")
    test.number_input(key="own-size").set_value(96)
    add(test)
    assert test.success[0].value.startswith("Added WinCLIP · mine")
    assert table(test).loc[("WinCLIP", "mine"), "state"] == "available"
    assert setups.find(*OWN) == Setup(*OWN, small, "", "from *my* lab", (("image_size", "96"),))


def test_the_form_takes_a_checkpoint_that_fits(small, files):
    test = filled(opened(), small, checkpoint=str(linear_layers(files)))
    test.selectbox(key="own-method").set_value("aprilgan")
    assert table(add(test)).loc[("APRIL-GAN", "mine"), "state"] == "available"


def test_a_shipped_checkpoint_with_other_options_is_a_setup_of_its_own():
    options = {"checkpoint": "anomalyclip-brats.safetensors", "options": "taps=4"}
    test = filled(opened(), BackboneSpec("demo"), **options)
    test.selectbox(key="own-method").set_value("anomalyclip")
    add(test)
    made = setups.find("anomalyclip", "mine")
    assert made.options == (("taps", "4"),)
    assert setups.digest(made) == setups.digest(setups.find("anomalyclip", "brats"))


@pytest.mark.parametrize(
    ("options", "said"),
    [("taps", "is not NAME=VALUE"), ("depth=3", "has no option"), ("taps=x", "x")],
)
def test_the_form_refuses_options_in_a_sentence(options, said):
    fields = {"checkpoint": "anomalyclip-brats.safetensors", "options": options}
    test = filled(opened(), BackboneSpec("demo"), **fields)
    test.selectbox(key="own-method").set_value("anomalyclip")
    add(test)
    assert said in test.error[0].value
    assert setups.entries() == setups.shipped()


def test_the_form_refuses_a_checkpoint_of_another_backbone_in_a_sentence(small, files):
    test = filled(opened(), small, checkpoint=str(linear_layers(files, width=96)))
    test.selectbox(key="own-method").set_value("aprilgan")
    add(test)
    assert "does not fit the backbone" in test.error[0].value
    assert setups.entries() == setups.shipped()


def test_the_form_refuses_a_shipped_name(small):
    test = add(filled(opened(), small, name="zero-shot"))
    assert "is a shipped setup" in test.error[0].value
    assert setups.entries() == setups.shipped()


def test_markup_in_a_path_is_shown_as_text():
    test = add(filled(opened(), BackboneSpec("![x](http://x.invalid/y.json", "w")))
    assert "\\[x\\](http:" in test.error[0].value


def test_an_own_setup_can_be_forgotten(small):
    own_setups.add(Setup(*OWN, small, "", ""))
    test = opened()
    test.button(key="forget-winclip-mine").click().run()
    assert not test.exception
    assert OWN not in table(test).index


def test_a_fetch_without_a_connection_fails_in_a_sentence_and_can_be_tried_again():
    test = opened()
    key = "fetch-ViT-B-16-plus-240 laion400m_e31"
    test.button(key=key).click().run()
    job = compute.engine().jobs.find(key)
    deadline = time.monotonic() + WAIT
    while job.state == "running" and time.monotonic() < deadline:
        time.sleep(0.05)
    test.run()
    assert not test.exception
    (warning,) = (found.value for found in test.warning if "timm/vit" in found.value)
    assert "could not be fetched (no connection)" in warning
    assert test.button(key=key)
    compute.engine().jobs.drop(job)


def test_the_sidebar_offers_an_own_setup_with_its_provenance_as_text(small):
    own_setups.add(Setup("winclip", "mine", small, "", "from *my* lab"))
    chosen = {"data": "demo-2mm:", "subject": SUBJECT, "method": "winclip", "setup": "mine"}
    test = opened("app.py", **chosen)
    assert "mine" in widget(test.selectbox, "setup").options
    assert "from \\*my\\* lab" in [caption.value for caption in test.caption]


def test_zsad_data_is_chosen_at_the_start_and_the_demo_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("ZSAD_DATA", str(tmp_path))
    test = AppTest.from_file(ROOT / "app.py", default_timeout=WAIT).run()
    chosen = widget(test.selectbox, "data")
    assert chosen.value == settings.default_root() == f"brats:{tmp_path}"
    assert "demo" in chosen.options


@pytest.mark.parametrize("content", ["", "[", "[]", '{"model_cfg": 1}', '{"embed_dim": "x"}'])
@pytest.mark.parametrize("page", ["app.py", "pages/1_Explore.py", "pages/6_Setup.py"])
def test_a_configuration_that_was_spoiled_after_it_was_added_ends_no_page(tmp_path, page, content):
    config, weights = small_backbone(tmp_path / "own")
    own_setups.add(Setup(*OWN, BackboneSpec(str(config), str(weights)), "", ""))
    config.write_text(content)
    test = shown(at(page, method="winclip", setup="mine", data="demo-2mm:", subject=SUBJECT))
    assert test.sidebar.get("page_link")
    widget(test.selectbox, "setup").set_value("zero-shot") if page != "pages/6_Setup.py" else None
    shown(test)
