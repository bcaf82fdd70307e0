"""From files to an open_clip model and its tokenizer; nothing in a file is run."""

import logging
from pathlib import Path

import open_clip
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from zsad_core.backbones.config import checked
from zsad_core.backbones.fetching import HUB, weights_file
from zsad_core.backbones.sources import BackboneSource
from zsad_core.backbones.tensor_files import is_safetensors, saved_tensors, unwrapped
from zsad_core.errors import WeightsError
from zsad_core.types import BackboneSpec

UNREAD = ("attn_mask", "logit_scale", "logit_bias")  # no method uses them
Model = tuple[open_clip.CLIP, open_clip.SimpleTokenizer]


def built(origin: BackboneSource) -> Model:
    """A model of local files; raises WeightsError where they do not fit the config."""
    state: dict[str, Tensor] = {}
    for path in origin.files:
        state.update(_tensors(path))
    config = {k: v for k, v in origin.config.items() if k != "preprocess_cfg"}
    least = checked(origin.config, str(origin.files[-1])).least_numbers()
    if (held := sum(value.numel() for value in state.values())) < least:  # before memory is taken
        raise WeightsError(
            f"'{origin.files[-1]}' does not fit its config: it holds {held} numbers, expected "
            f"{least} or more."
        )
    try:
        model = open_clip.CLIP(**config)
    except Exception as error:  # of a config that no part of it expects
        raise WeightsError(
            f"open_clip cannot build the config of '{origin.files[-1]}' ({error}); it must be a "
            "plain CLIP in open_clip's model format."
        ) from error
    shapes = {k: v.shape for k, v in model.state_dict().items() if k not in UNREAD}
    held_shapes = {name: value.shape for name, value in state.items()}
    wrong = [name for name, shape in shapes.items() if held_shapes.get(name) != shape]
    if wrong:
        shape = tuple(held_shapes[wrong[0]]) if wrong[0] in state else "missing"
        raise WeightsError(
            f"'{origin.files[-1]}' does not fit its config: {wrong[0]} {shape}, expected "
            f"{tuple(shapes[wrong[0]])} ({len(wrong)} tensors differ)."
        )
    read = {name: state[name].float() for name in shapes}
    broken = [name for name, value in read.items() if not value.isfinite().all()]
    if broken:
        raise WeightsError(
            f"'{origin.files[-1]}' holds NaN or infinite numbers in {broken[0]}; get it again."
        )
    model.load_state_dict(read, strict=False)
    return model, open_clip.SimpleTokenizer()


def _tensors(path: Path) -> dict[str, Tensor]:
    """Tensors under open_clip's names; OpenAI's are the same, with a few entries more."""
    if not is_safetensors(path):
        return saved_tensors(path)
    try:
        return unwrapped(path, load_file(path))
    except SafetensorError as error:
        raise WeightsError(f"'{path}' is not a whole safetensors file ({error}).") from error


def fetched(spec: BackboneSpec) -> Model:
    """A model and its tokenizer from the files that open_clip keeps; the network is not asked."""
    path = weights_file(spec)
    try:
        if spec.name.startswith(HUB) and path is not None:
            name = f"local-dir:{path.parent}"
            return open_clip.create_model(name), open_clip.get_tokenizer(name)
        model = open_clip.create_model(spec.name, pretrained=str(path or spec.weights))
        return model, open_clip.get_tokenizer(spec.name)
    except Exception as error:
        logging.getLogger("open_clip").debug("create_model failed", exc_info=error)
        raise WeightsError(
            f"open_clip could not load {spec.name} {spec.weights} ({type(error).__name__}); delete "
            f"'{path}' and fetch it again, or give config and weights as files."
        ) from error
