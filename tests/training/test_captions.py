"""What is said of drawn regions must be what was drawn."""

import numpy as np
import pytest

from zsad_core.training import captions, regions, textures
from zsad_core.training.captions import FACTS, NONE, UNKNOWN, facts, truth


@pytest.fixture(scope="module")
def bank():
    return textures.bank(24, 64, seed=3)


def test_a_bank_is_a_function_of_its_seed(bank):
    again = textures.bank(24, 64, seed=3)
    other = textures.bank(24, 64, seed=4)
    assert np.array_equal(bank.images, again.images)
    assert not np.array_equal(bank.images, other.images)


def test_masks_and_facts_agree(bank):
    drawn = bank.defect.any(axis=(1, 2))
    assert np.array_equal(drawn, bank.kind >= 0)
    assert 6 < drawn.sum() < 24
    for mask, kind in zip(bank.defect[drawn], bank.kind[drawn], strict=True):
        assert set(np.unique(mask)) <= {0, kind + 1}


def test_a_bright_defect_is_brighter_than_its_surroundings():
    bank = textures.bank(60, 64, seed=5)
    for index in np.flatnonzero(bank.kind == textures.DEFECTS.index("hole")):
        image, mask = bank.images[index].astype(float), bank.defect[index] > 0
        if mask.sum() < 20:
            continue
        rest = image[~mask & bank.object[index]].mean()
        assert (image[mask].mean() > rest) == (bank.polarity[index] == 1)


@pytest.mark.parametrize("draw", [captions.draw, captions.draw_medical])
def test_sentences_are_different_and_stated(draw):
    found = draw(np.random.default_rng(0), 60)
    assert len({s.text for s in found}) == 60
    assert all(any(f != captions.NOT_STATED for f in s.facts) for s in found)
    assert not any("{}" in s.text for s in found)


def test_generic_sentences_name_no_disease():
    rng = np.random.default_rng(1)
    texts = " ".join(s.text for s in captions.draw(rng, 600)).lower()
    assert not [word for word in ("lesion", "tumo", "metasta", "oedema", "edema") if word in texts]


def test_a_sentence_is_refuted_by_one_false_fact_even_beside_an_unknown_one():
    sentence = np.array([facts(kind=1, polarity=0)])
    region = np.full((3, len(FACTS)), NONE)
    region[:, FACTS.index("kind")] = (1, UNKNOWN, UNKNOWN)
    region[:, FACTS.index("polarity")] = (0, 0, 1)
    true, known = truth(sentence, region)
    assert true.tolist() == [[True, False, False]]
    assert known.tolist() == [[True, False, True]]


def test_parts_know_their_own_damage():
    damage = np.zeros((1, 8, 8), bool)
    damage[0, :4, :4] = True  # all of the first patch of four
    damage[0, 0, 4] = True  # one pixel in sixteen of the second
    whole = np.full((1, len(FACTS)), NONE)
    for name, value in {"brain": 0, "damaged": 1, "flawless": 0, "kind": 2, "inside": 1}.items():
        whole[0, FACTS.index(name)] = value
    pictures = regions.Pictures(
        np.zeros((1, 8, 8), np.uint8), np.ones((1, 8, 8), bool), damage, whole
    )
    parts = regions.of_parts(pictures, 4)[0]
    assert parts[..., FACTS.index("damaged")].tolist() == [[1, UNKNOWN], [0, 0]]
    assert parts[..., FACTS.index("flawless")].tolist() == [[0, UNKNOWN], [1, 1]]
    assert parts[..., FACTS.index("kind")].tolist() == [[2, UNKNOWN], [NONE, NONE]]


def test_generic_words_are_open_on_brains_and_medical_ones_follow_the_lesion():
    lesion = np.zeros((1, 8, 8), bool)
    lesion[0, :4, :4] = True
    scans = regions.of_brains(
        np.zeros((1, 8, 8), np.uint8), np.ones((1, 8, 8), bool), np.array([3]), lesion
    )
    parts = regions.of_parts(scans, 4).reshape(-1, len(FACTS))
    spoken = [
        facts(damaged=1),
        facts(flawless=1),
        facts(kind=0, damaged=1),
        facts(brain=1, lesion=1, inside=1),
        facts(brain=1, lesion=0, inside=1),
        facts(surface=2, damaged=1),
    ]
    true, known = truth(np.array(spoken), parts)
    assert not known[:3].any()
    assert true[3].tolist() == [True, False, False, False]
    assert true[4].tolist() == [False, True, True, True]
    assert known[5].all()
    assert not true[5].any()
