"""The seeded weights of the goldens as files that a user could have: config and safetensors."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

FOLDER = Path(__file__).parent / "goldens"


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
