"""What a model config in open_clip's format must hold for the methods, by type and range."""

import json
from pathlib import Path
from typing import Annotated, Any

import pydantic

from zsad_core.base.wording import problem_of
from zsad_core.errors import WeightsError

OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)
TOWERS = ("vision_cfg", "text_cfg")
LARGEST = 2**20  # bytes of a config
Width = Annotated[int, pydantic.Field(ge=1, le=16_384)]
Layers = Annotated[int, pydantic.Field(ge=1, le=200)]
Side = Annotated[int, pydantic.Field(ge=1, le=8192)]
Ratio = Annotated[float, pydantic.Field(gt=0, le=16, allow_inf_nan=False)]
Colour = Annotated[float, pydantic.Field(ge=0, le=1, allow_inf_nan=False)]
Spread = Annotated[float, pydantic.Field(gt=0, le=1, allow_inf_nan=False)]


class Strict(pydantic.BaseModel):
    """Numbers are numbers, never text of them; other fields are let pass."""

    model_config = pydantic.ConfigDict(strict=True)


class Vision(Strict):
    """A plain ViT; of an image, sides in pixels."""

    image_size: Side | tuple[Side, Side]
    patch_size: Side
    layers: Layers
    width: Width
    mlp_ratio: Ratio = 4.0

    @pydantic.model_validator(mode="after")
    def _one_patch_at_least(self) -> "Vision":
        if self.patch_size > self.side:
            raise ValueError(f"a patch of {self.patch_size} pixels is larger than the image")
        return self

    @property
    def side(self) -> int:
        """The image's height."""
        return self.image_size if isinstance(self.image_size, int) else self.image_size[0]


class Text(Strict):
    """A text transformer of open_clip's own."""

    context_length: Annotated[int, pydantic.Field(ge=1, le=8192)] = 77
    vocab_size: Annotated[int, pydantic.Field(ge=1, le=2_000_000)] = 49_408
    width: Width = 512
    layers: Layers = 12
    mlp_ratio: Ratio = 4.0
    hf_model_name: None = None


class Preprocessing(Strict):
    """Mean and spread of the colours that the tower was trained on."""

    mean: tuple[Colour, Colour, Colour] = OPENAI_MEAN
    std: tuple[Spread, Spread, Spread] = OPENAI_STD


class Config(Strict):
    """What is read of a config; what else it says is open_clip's to judge."""

    embed_dim: Width
    vision_cfg: Vision
    text_cfg: Text
    preprocess_cfg: Preprocessing = Preprocessing()

    def least_numbers(self) -> int:
        """So many numbers its weights hold at least: attention of both towers, and the words."""
        vision, text = self.vision_cfg, self.text_cfg
        attention = 4 * (vision.layers * vision.width**2 + text.layers * text.width**2)
        return attention + text.vocab_size * text.width


def checked(config: dict[str, Any], name: str) -> Config:
    """The sizes of a config; raises WeightsError naming the first that does not fit."""
    try:
        return Config.model_validate_json(json.dumps(config))
    except pydantic.ValidationError as error:
        raise WeightsError(
            f"'{name}' is not the config of a plain ViT with open_clip's own text tower "
            f"({problem_of(error)}), and the methods read the tokens of one; choose a model such "
            "as ViT-B-16, or correct it."
        ) from error


def read(path: Path) -> dict[str, Any]:
    """A config file in open_clip's model format; raises WeightsError."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise WeightsError(f"'{path}' has more than {LARGEST} bytes; give a model config.")
        config = json.loads(content)
    except OSError as error:
        raise WeightsError(f"There is no model config '{path}' to read; check the path.") from error
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"'{path}' is not valid JSON ({error}); correct it.") from error
    model = config.get("model_cfg", config) if isinstance(config, dict) else {}
    model = model if isinstance(model, dict) else {}
    missing = {part for part in TOWERS if not isinstance(model.get(part), dict)}
    missing |= {"embed_dim"} - set(model)
    if missing:
        raise WeightsError(
            f"'{path}' lacks {', '.join(sorted(missing))}; it must be in open_clip's model format."
        )
    return {**model, **{key: config[key] for key in ("preprocess_cfg",) if key in config}}
