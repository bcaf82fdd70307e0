"""The seeded weights of the goldens as files that a user could have: config and safetensors."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

FOLDER = Path(__file__).parents[1] / "goldens"


def recipe(name):
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))  # one recipe imports the other
    return importlib.import_module(name)


def golden(name):
    with np.load(FOLDER / f"{name}.npz") as stored:
        return dict(stored)


def config_of(sizes):
    """The sizes of a recipe in open_clip's model format; heads are 64 wide."""
    return {
        "embed_dim": sizes["embed_dim"],
        "vision_cfg": {
            "image_size": sizes["native"],
            "layers": sizes["v_layers"],
            "width": sizes["v_width"],
            "head_width": 64,
            "patch_size": sizes["patch"],
        },
        "text_cfg": {
            "context_length": sizes["context"],
            "vocab_size": sizes["vocab"],
            "width": sizes["t_width"],
            "heads": max(sizes["t_width"] // 64, 1),
            "layers": sizes["t_layers"],
        },
    }


def write_backbone(folder, sizes, state):
    """(config, weights) paths of seeded weights."""
    config, weights = folder / "config.json", folder / "weights.safetensors"
    config.write_text(json.dumps(config_of(sizes)))
    save_file({name: np.require(value, requirements="C") for name, value in state.items()}, weights)
    return config, weights


SMALL = {
    "embed_dim": 32,
    "v_width": 64,
    "v_layers": 4,
    "patch": 16,
    "native": 64,
    "t_width": 64,
    "t_layers": 2,
    "context": 77,
    "vocab": 49408,
}


def small_backbone(folder):
    """(config, weights) of a random CLIP of four blocks, quick enough for a whole volume."""
    folder.mkdir(parents=True, exist_ok=True)
    return write_backbone(folder, SMALL, recipe("recipe_clip_random").clip_state(SMALL))


def linear_layers(folder, embed_dim=32, width=64):
    """A checkpoint of APRIL-GAN that fits a backbone of these sizes."""
    random = np.random.default_rng(5)
    found = {}
    for tap in range(4):
        weight = random.standard_normal((embed_dim, width)) / width**0.5
        found[f"fc.{tap}.weight"] = weight.astype(np.float32)
        found[f"fc.{tap}.bias"] = np.zeros(embed_dim, np.float32)
    path = folder / f"layers-{embed_dim}-{width}.safetensors"
    save_file(found, path)
    return path


def prompt_vectors(folder, width=64):
    """A checkpoint of AnomalyCLIP that fits a text tower of this width and two blocks."""
    random = np.random.default_rng(6)
    shapes = {"ctx_pos": (1, 1, 12, width), "ctx_neg": (1, 1, 12, width)}
    shapes["compound_prompts_text.0"] = (4, width)
    path = folder / f"prompts-{width}.safetensors"
    save_file({n: random.normal(0, 0.3, s).astype(np.float32) for n, s in shapes.items()}, path)
    return path
