"""How the official run of AdaCLIP rounded its prompts to float16: writes adaclip_ties.npz.

    PYTHONPATH=. python tests/goldens/adaclip_ties.py

The golden holds no prompts. Of their 3,520 values an image, about 500 lie within TIE of the middle
between two float16 neighbours, near enough that the last bits of the plain pass choose. Those
choices are fitted to what is stored: the effect of each alone is measured, their sum is fitted
between 0 and 1, rounded and improved one by one.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import lsq_linear

from tests.helpers.weights import FOLDER, golden, recipe, write_backbone
from tests.helpers.tensors import maps_of
from zsad_core import backbones
from zsad_core.prompts import sets as prompt_sets
from zsad_core.methods.adaclip.method import AdaClip
from zsad_core.methods.adaclip.hybrid_prompts import linear
from zsad_core.methods.texts import TowerTexts
from zsad_core.types import BackboneSpec

TIE = 8e-6
STORED = golden("adaclip_tiny")
IMAGES = golden("inputs")["pillow_13_at_154"][STORED["images"]]
METHOD, KEPT = AdaClip(image_size=154, hsf=False), np.ones((1, 11, 11), bool)
PROMPTS = replace(prompt_sets.shipped()["adaclip"], class_name=str(STORED["class_name"]))
HEADS = {side: f"dynamic_{side}_prompt_generator.head." for side in ("visual", "text")}


def sums(learned, side, plain):
    """Prompts (blocks, 5, width) of one image before they are rounded."""
    tensors = {name: torch.from_numpy(value) for name, value in learned.items()}
    dynamic = torch.stack([linear(tensors, f"{HEADS[side]}{j}", plain) for j in range(5)])
    names = [f"{side}_prompter.static_prompts.{i}" for i in range(side == "text", 4)]
    return torch.stack([dynamic + tensors[name] for name in names]).numpy()


def with_prompts(learned, prompts):
    """The checkpoint whose prompts are these for every image."""
    found = dict(learned)
    for side, values in prompts.items():
        found |= {n: np.zeros_like(v) for n, v in found.items() if n.startswith(HEADS[side])}
        first = int(side == "text")
        found |= {
            f"{side}_prompter.static_prompts.{first + i}": one.astype(np.float32)
            for i, one in enumerate(values)
        }
    return found


class Seen:
    """What an image gives under prompts, in one vector, in the units of the tolerances."""

    def __init__(self, tower, learned, index):
        self.tower, self.learned, self.index = tower, learned, index
        self.made = METHOD.recipe(tower.info)

    def image(self, prompts):
        image = IMAGES[self.index : self.index + 1]
        return METHOD.encode(self.tower, image, self.made, KEPT, with_prompts(self.learned, prompts))

    def text(self, prompts, features):
        learned = with_prompts(self.learned, prompts)
        return METHOD.texts(PROMPTS, TowerTexts(self.tower, "gelu"), learned, features)

    def vector(self, features, text):
        maps, scores = maps_of(METHOD, features, KEPT, text, self.learned, self.made)
        parts = [maps / 1e-4, scores / 1e-5]
        if self.index == 0:
            taps = np.stack([features[0][f"tap{tap}"] for tap in self.made.taps])
            parts += [100 * taps @ text[0].T / 1e-3, features[0]["class"] / 1e-5, text / 1e-5]
        return np.concatenate([part.ravel() for part in parts]).astype(np.float64)

    def wanted(self):
        names = {"smoothed_maps": 1e-4, "score_no_hsf": 1e-5}
        parts = [STORED[name][self.index] / bar for name, bar in names.items()]
        if self.index == 0:
            parts += [STORED["patch_logits"] / 1e-3, STORED["image_feature"] / 1e-5]
            parts += [STORED["text_features"].transpose(0, 2, 1) / 1e-5]
        return np.concatenate([np.ravel(part) for part in parts]).astype(np.float64)


def fitted(tower, learned, index):
    """Prompts of one image as the official run rounded them, float16, by side."""
    seen = Seen(tower, learned, index)
    (own,) = METHOD.encode(tower, IMAGES[index : index + 1], seen.made, KEPT, learned)
    exact = {side: sums(learned, side, torch.from_numpy(own["plain"])) for side in HEADS}
    prompts = {side: values.astype(np.float16) for side, values in exact.items()}
    away = {s: np.where(exact[s] > prompts[s], np.inf, -np.inf).astype(np.float16) for s in exact}
    other = {s: np.nextafter(prompts[s], away[s]) for s in exact}
    middle = {s: (prompts[s].astype(np.float64) + other[s]) / 2 for s in exact}
    ties = [(s, at) for s in exact for at in np.argwhere(np.abs(exact[s] - middle[s]) < TIE)]
    features = seen.image(prompts)
    text = seen.text(prompts, features)
    first, effects = seen.vector(features, text), []
    for side, at in ties:
        changed = {s: v.copy() for s, v in prompts.items()}
        changed[side][tuple(at)] = other[side][tuple(at)]
        one = seen.image(changed) if side == "visual" else features
        two = seen.text(changed, features) if side == "text" else text
        effects.append(seen.vector(one, two) - first)
    effects, apart = np.array(effects).T, seen.wanted() - first
    chosen = lsq_linear(effects, apart, bounds=(0, 1)).x > 0.5
    squares = (effects**2).sum(axis=0)
    while True:
        left = apart - effects[:, chosen].sum(axis=1)
        gain = squares - 2 * np.where(chosen, -1, 1) * (effects.T @ left)
        if gain.min() >= 0:
            break
        chosen[gain.argmin()] ^= True
    for (side, at), turn in zip(ties, chosen, strict=True):
        if turn:
            prompts[side][tuple(at)] = other[side][tuple(at)]
    features = seen.image(prompts)
    left = np.abs(seen.vector(features, seen.text(prompts, features)) - seen.wanted())
    before, after, of_map = np.abs(apart).max(), left.max(), left[: 154 * 154].max()
    print(f"image {index}: {chosen.sum()} of {len(ties)} ties turned; in tolerances "
          f"{before:.2f} apart before, {after:.2f} after, {of_map:.2f} of them the map")
    return prompts


def main():
    clip, adapters = recipe("recipe_clip_random"), recipe("recipe_zsad_adapters")
    sizes = adapters.TINY_SQUARE
    with tempfile.TemporaryDirectory() as folder:
        files = write_backbone(Path(folder), sizes, clip.clip_state(sizes))
        tower = backbones.load(BackboneSpec(*map(str, files)), "cpu", "float32")
        state = adapters.adaclip_state(sizes)
        learned = {name.removeprefix("clip_model."): value for name, value in state.items()}
        learned = METHOD.checkpoint(learned, tower.info)
        found = [fitted(tower, learned, index) for index in range(len(IMAGES))]
    stacked = {side: np.stack([one[side] for one in found]) for side in HEADS}
    np.savez_compressed(FOLDER / "adaclip_ties.npz", **stacked)


if __name__ == "__main__":
    main()
