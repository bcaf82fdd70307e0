"""Methods; to add one, write a file like `winclip.py` and add its line here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import ClassVar, Protocol

from zsad_core.backbones import Tower, TowerInfo
from zsad_core.errors import SettingError
from zsad_core.methods.aaclip import AaClip
from zsad_core.methods.adaclip import AdaClip
from zsad_core.methods.anomalyclip import AnomalyClip
from zsad_core.methods.aprilgan import AprilGan
from zsad_core.methods.clipad import ClipAd, ClipAdPlus
from zsad_core.methods.grids import stretched
from zsad_core.methods.intensity import Intensity
from zsad_core.methods.memory import views
from zsad_core.methods.mvfa import Mvfa
from zsad_core.methods.texts import TextEncoder
from zsad_core.methods.winclip import WinClip
from zsad_core.types import (
    ByteArray,
    FloatArray,
    Learned,
    MaskArray,
    PromptSet,
    Recipe,
    SliceFeatures,
)


class Method(Protocol):
    """An anomaly map from a slice. A method is a frozen dataclass; its fields are its options.

    `high` is the end of the map's published range 0 … high, `learned` says whether it needs a
    checkpoint, `in_tower` whether that acts inside the image tower, so that features depend on it.
    `source` names the paper, and says where no golden proves the method. `official` is what the
    names of its tensors begin with in the published checkpoints.
    `prompts` names its official prompt set ("" for a method that reads no text); `prompt_note` says
    what of the prompts is learned and which words can be changed ("" where nothing is learned);
    `text_by_slice` says that the text depends on the slice, `takes_references` that normal slices
    can be given.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str]
    learned: ClassVar[bool]
    official: ClassVar[str]
    prompts: ClassVar[str]
    prompt_note: ClassVar[str]
    needs_tower: ClassVar[bool]
    in_tower: ClassVar[bool]
    text_by_slice: ClassVar[bool]
    takes_references: ClassVar[bool]

    @property
    def high(self) -> float:
        """End of the map's range."""

    def recipe(self, info: TowerInfo) -> Recipe:
        """The image-side computation on that backbone; raises SettingError if it cannot be."""

    def parts(self, recipe: Recipe) -> tuple[str, ...]:
        """Names of the arrays that `encode` makes of a slice."""

    def by_volume(self, references: int) -> bool:
        """Whether a slice's map depends on the other slices that `maps` is given with it."""

    def encode(
        self,
        tower: Tower,
        images: ByteArray,
        recipe: Recipe,
        kept: MaskArray,
        learned: Learned,
    ) -> list[SliceFeatures]:
        """Features of slices (B, H, W) or (B, H, W, 3) at the kept patches (B, R, C), float32."""

    def texts(
        self,
        prompts: PromptSet,
        encoder: TextEncoder,
        learned: Learned,
        features: Sequence[SliceFeatures],
    ) -> FloatArray:
        """(K, E) float32: the prompt set as one embedding a side; raises PromptError.

        (B, K, E), one pair for each of the slices, where the text depends on the slice.
        """

    def checkpoint(
        self, tensors: Mapping[str, FloatArray], info: TowerInfo | None
    ) -> dict[str, FloatArray]:
        """What the method uses of a checkpoint, checked against the backbone where that is known.

        Raises WeightsError naming the first tensor that is missing or has another shape.
        """

    def maps(
        self,
        features: Sequence[SliceFeatures],
        kept: MaskArray,
        text: FloatArray,
        learned: Learned,
        recipe: Recipe | None,
        references: Sequence[SliceFeatures],
    ) -> tuple[FloatArray, FloatArray]:
        """Maps float32 in 0 … high and slice scores (B,), from what `texts` returned.

        Maps are (B, S, S) at the side of the recipe's input, or (B, H, W) without a tower.
        References are features of normal slices at all patches, none for zero-shot.
        """


__all__ = ["METHODS", "Method", "build", "reference_views", "stretched"]

METHODS: dict[str, type[Method]] = {
    "intensity": Intensity,
    "winclip": WinClip,
    "aprilgan": AprilGan,
    "anomalyclip": AnomalyClip,
    "adaclip": AdaClip,
    "mvfa": Mvfa,
    "clipad": ClipAd,
    "clipad-plus": ClipAdPlus,
    "aaclip": AaClip,
}


def build(name: str, options: Iterable[tuple[str, str]] = ()) -> Method:
    """The method with its options set, each given as text; raises SettingError.

    >>> build("winclip", [("image_size", "240")])
    WinClip(image_size=240)
    """
    if name not in METHODS:
        raise SettingError(f"There is no method '{name}'; use {', '.join(METHODS)}.")
    kind = METHODS[name]
    known = {field.name: field.default for field in fields(kind)}  # type: ignore[arg-type]
    values = {}
    for option, text in options:
        if option not in known:
            raise SettingError(
                f"'{name}' has no option '{option}'; it has {', '.join(known) or 'none'}."
            )
        values[option] = _like(known[option], option, text)
    return kind(**values)


def reference_views(method: Method, image: ByteArray, side: int) -> ByteArray:
    """What is encoded of a normal slice (H, W) or (H, W, 3): (V, side, side), or with 3.

    The slice itself first; with a method's option `augment` turned ones too.
    """
    return views(image, side, bool(getattr(method, "augment", False)))


def _like(default: object, name: str, text: str) -> object:
    """The text as a value of the default's kind."""
    try:
        if isinstance(default, tuple):
            return tuple(int(part) for part in text.split(","))
        if isinstance(default, bool):
            return text.lower() in ("1", "true", "yes")
        if isinstance(default, int | float):
            return type(default)(text)
    except ValueError as error:
        raise SettingError(f"Option {name}={text}: expected something like {default!r}.") from error
    return text
