"""Sentences as open_clip's own `encode_text` reads them, whatever a text tower is made of."""

import numpy as np
import open_clip
import pytest
import torch

from zsad_core import backbones
from zsad_core.backbones.tower import Tower
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import BackboneSpec

TEXTS = ("a brain", "a photo of a brain with a bright lesion in the left temporal lobe", "")
VISION = {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16}


@pytest.mark.parametrize(
    "text",
    [
        {},
        {"pool_type": "last"},
        {"pool_type": "eos", "eos_id": 49407},
        {"no_causal_mask": True, "pool_type": "argmax"},
        {"embed_cls": True},
    ],
    ids=lambda text: ", ".join(text) or "as CLIP",
)
def test_sentences_are_read_as_open_clip_reads_them(text):
    torch.manual_seed(0)
    sizes = {"context_length": 20, "width": 64, "heads": 1, "layers": 2, **text}
    model = open_clip.CustomTextCLIP(32, VISION, sizes)
    tokenize = open_clip.SimpleTokenizer(context_length=20)
    tower_info = backbones.info(BackboneSpec("demo"))
    ours = Tower(tower_info, model, tokenize, "cpu", "float32").sentences(TEXTS, "gelu")
    with torch.inference_mode():
        expected = model.encode_text(tokenize(list(TEXTS))).numpy()
    np.testing.assert_allclose(ours, expected, atol=1e-5)
    assert np.abs(ours[0] - ours[1]).max() > 1e-3


def test_the_demo_reads_no_further_than_the_longest_sentence():
    tower, lengths = backbones.load(BackboneSpec("demo"), "cpu", "float32"), []
    block = tower._model.transformer.resblocks[0]
    block.ln_1.register_forward_pre_hook(lambda _, args: lengths.append(args[0].shape[1]))
    ours = tower.sentences(TEXTS, "gelu")
    assert lengths == [max(tower.lengths(TEXTS))]
    with torch.inference_mode():
        expected = tower._model.encode_text(tower._tokenize(list(TEXTS))).numpy()
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_a_sentence_depends_neither_on_those_read_with_it_nor_on_threads():
    tower = backbones.load(BackboneSpec("demo"), "cpu", "float32")
    sides = prompt_sets.sentences(prompt_sets.shipped()["aprilgan"])
    texts = [text for side in sides for text in side][:40]
    together, threads = tower.sentences(texts, "gelu"), torch.get_num_threads()
    alone = np.concatenate([tower.sentences([text], "gelu") for text in texts])
    torch.set_num_threads(1 if threads > 1 else 2)
    try:
        otherwise = tower.sentences(texts[::-1], "gelu")[::-1]
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(alone, together)
    np.testing.assert_array_equal(otherwise, together)
