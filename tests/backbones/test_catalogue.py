"""What open_clip lists is looked up once; after that without its import, which takes seconds."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import open_clip
import pytest
from open_clip import constants
from open_clip.pretrained import get_pretrained_cfg

from zsad_core import backbones, setups
from zsad_core.backbones import fetching
from zsad_core.backbones.catalogue import catalogue_entry
from zsad_core.errors import WeightsError
from zsad_core.types import BackboneSpec

ROOT = Path(__file__).resolve().parents[2]
NAME = "ViT-B-32"  # no shipped setup's
SHIPPED = ["ViT-B-16-plus-240", "ViT-L-14-336", "ViT-L-14-336-quickgelu"]
ASK = """
import sys
from zsad_core import backbones
from zsad_core.types import BackboneSpec
spec = BackboneSpec(sys.argv[1], sys.argv[2])
print(backbones.info(spec).width, bool(backbones.unfetched(spec)), "open_clip" in sys.modules)
"""


def child_output(*backbone):
    """Width, whether it is to be fetched, and whether a new process imported open_clip for it."""
    command = [sys.executable, "-c", ASK, *backbone]
    process = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return process.stdout.split()


@pytest.mark.parametrize("name", [NAME, *SHIPPED])
def test_it_says_what_open_clip_says(name):
    entry = catalogue_entry(name)
    assert entry.config == open_clip.get_model_config(name)
    assert list(entry.places) == open_clip.list_pretrained_tags_by_model(name)
    for tag, location in entry.places.items():
        assert location == get_pretrained_cfg(name, tag).get("hf_hub", "")


@pytest.mark.slow
def test_a_second_process_need_not_import_open_clip(tmp_path, monkeypatch):
    monkeypatch.setenv("ZSAD_CACHE", str(tmp_path))
    outputs = [child_output(NAME, "laion2b_e16") for _ in range(2)]
    assert outputs == [["768", "True", "True"], ["768", "True", "False"]]


@pytest.mark.skipif(
    metadata.version("open_clip_torch") != "3.3.0", reason="what is shipped is of open_clip 3.3.0"
)
def test_the_first_process_need_not_for_the_backbones_of_shipped_setups(tmp_path, monkeypatch):
    monkeypatch.setenv("ZSAD_CACHE", str(tmp_path))
    backbones_of = {entry.backbone for entry in setups.shipped().values() if entry.backbone.weights}
    assert {spec.name for spec in backbones_of} == set(SHIPPED)
    assert child_output(SHIPPED[0], "laion400m_e32") == ["896", "True", "False"]


def test_an_unknown_name_is_one_sentence_each_time():
    for _ in range(2):
        with pytest.raises(WeightsError, match="no backbone 'ViT-Z-1'; give demo, demo-pmc, an"):
            backbones.info(BackboneSpec("ViT-Z-1", "openai"))
    with pytest.raises(WeightsError, match="open_clip fetches nothing for 'ViT-Z-1'"):
        backbones.fetch(BackboneSpec("ViT-Z-1", "openai"))


def test_the_files_of_the_hub_are_named_as_open_clip_names_them():
    assert constants.HF_CONFIG_NAME == fetching.HUB_CONFIG
    assert (constants.HF_SAFE_WEIGHTS_NAME, constants.HF_WEIGHTS_NAME) == fetching.HUB_WEIGHTS
