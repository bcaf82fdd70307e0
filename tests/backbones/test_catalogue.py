"""What open_clip lists is looked up once; after that without its import, which takes seconds."""

import subprocess
import sys
from pathlib import Path

import open_clip
import pytest
from open_clip import constants
from open_clip.pretrained import get_pretrained_cfg

from zsad_core import backbones
from zsad_core.backbones import fetching
from zsad_core.backbones.catalogue import listed
from zsad_core.errors import WeightsError
from zsad_core.types import BackboneSpec

ROOT = Path(__file__).resolve().parents[2]
NAME = "ViT-B-16-plus-240"
ASK = f"""
import sys
from zsad_core import backbones
from zsad_core.types import BackboneSpec
spec = BackboneSpec("{NAME}", "laion400m_e32")
print(backbones.info(spec).width, bool(backbones.unfetched(spec)), "open_clip" in sys.modules)
"""


def test_it_says_what_open_clip_says():
    found = listed(NAME)
    assert found.config == open_clip.get_model_config(NAME)
    assert list(found.places) == open_clip.list_pretrained_tags_by_model(NAME)
    for tag, place in found.places.items():
        assert place == get_pretrained_cfg(NAME, tag).get("hf_hub", "")


def test_a_second_process_need_not_import_open_clip(tmp_path, monkeypatch):
    monkeypatch.setenv("ZSAD_CACHE", str(tmp_path))
    said = [
        subprocess.run(
            [sys.executable, "-c", ASK], check=True, capture_output=True, text=True, cwd=ROOT
        ).stdout.split()
        for _ in range(2)
    ]
    assert said == [["896", "True", "True"], ["896", "True", "False"]]


def test_an_unknown_name_is_one_sentence_each_time():
    for _ in range(2):
        with pytest.raises(WeightsError, match="no backbone 'ViT-Z-1'; give demo, demo-pmc, an"):
            backbones.info(BackboneSpec("ViT-Z-1", "openai"))
    with pytest.raises(WeightsError, match="open_clip fetches nothing for 'ViT-Z-1'"):
        backbones.fetch(BackboneSpec("ViT-Z-1", "openai"))


def test_the_files_of_the_hub_are_named_as_open_clip_names_them():
    assert constants.HF_CONFIG_NAME == fetching.HUB_CONFIG
    assert (constants.HF_SAFE_WEIGHTS_NAME, constants.HF_WEIGHTS_NAME) == fetching.HUB_WEIGHTS
