"""Methods; to add one, write a file like `winclip.py` and add its line here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from zsad_core.backbones import TowerInfo
from zsad_core.errors import SettingError
from zsad_core.methods.aaclip import AaClip
from zsad_core.methods.adaclip import AdaClip
from zsad_core.methods.anomalyclip import AnomalyClip
from zsad_core.methods.aprilgan import AprilGan
from zsad_core.methods.clipad import ClipAd
from zsad_core.methods.clipad_plus import ClipAdPlus
from zsad_core.methods.grids import stretched
from zsad_core.methods.intensity import Intensity
from zsad_core.methods.memory import views
from zsad_core.methods.mutual3d import Mutual3d
from zsad_core.methods.mvfa import Mvfa
from zsad_core.methods.predictions import FilePredictions
from zsad_core.methods.setup import Published, Setup
from zsad_core.methods.texts import TextEncoder
from zsad_core.methods.winclip import WinClip
from zsad_core.types import (
    ByteArray,
    Cubes,
    FloatArray,
    Learned,
    MaskArray,
    Plane,
    PromptSet,
    Recipe,
    SliceFeatures,
)

if TYPE_CHECKING:
    from zsad_core.backbones import Tower


class Facts(Protocol):
    """What holds of every method. A method is a frozen dataclass; its fields are its options.

    `high` is the end of the map's published range 0 … high, `learned` says whether it needs a
    checkpoint, `in_tower` whether that acts inside the image tower, so that features depend on it.
    `source` names the paper, and says where no golden proves the method. `official` is what the
    names of its tensors begin with in the published checkpoints.
    `prompts` names its official prompt set ("" for a method that reads no text); `prompt_note` says
    what of the prompts is learned and which words can be changed ("" where nothing is learned);
    `text_by_slice` says that the text depends on the slice, `takes_references` that normal slices
    can be given. `setups` are its shipped trained states, `published` its authors' checkpoints.
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
    setups: ClassVar[tuple[Setup, ...]]
    published: ClassVar[tuple[Published, ...]]

    @property
    def high(self) -> float:
        """End of the map's range."""

    def recipe(self, info: TowerInfo) -> Recipe:
        """The image-side computation on that backbone; raises SettingError if it cannot be."""

    def by_volume(self, references: int) -> bool:
        """Whether a slice's map depends on the other slices of its volume."""

    def checkpoint(
        self, tensors: Mapping[str, FloatArray], info: TowerInfo | None
    ) -> dict[str, FloatArray]:
        """What the method uses of a checkpoint, checked against the backbone where that is known.

        Raises WeightsError naming the first tensor that is missing or has another shape.
        """


class Method(Facts, Protocol):
    """An anomaly map from a slice, or from slices one by one."""

    def parts(self, recipe: Recipe) -> tuple[str, ...]:
        """Names of the arrays that `encode` makes of a slice."""

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


@runtime_checkable
class VolumeMethod(Facts, Protocol):
    """An anomaly map of a whole volume, from cubic tokens of it and of a set of other volumes.

    `planes` are the planes along which the volumes are sliced. The set is unlabelled.
    """

    planes: ClassVar[tuple[Plane, ...]]

    def chosen(self, count: int) -> list[int]:
        """Which of the `count` slices of a layer of cubes are read."""

    def encode_layer(
        self, tower: Tower, images: ByteArray, recipe: Recipe, kept: MaskArray
    ) -> FloatArray:
        """Tokens (P, L, E) of a layer's kept cubes (R, C), from its chosen slices (B, H, W)."""

    def cube_scores(self, cubes: Cubes, others: Iterable[Cubes]) -> FloatArray:
        """Scores (P,) float32 in 0 … high of a volume's cubes against at least one other volume."""


__all__ = [
    "FILES",
    "METHODS",
    "Facts",
    "FilePredictions",
    "Method",
    "VolumeMethod",
    "about_a_brain",
    "build",
    "compares",
    "kind_of",
    "reference_views",
    "slice_method",
    "stretched",
]

METHODS: dict[str, type[Method] | type[VolumeMethod]] = {
    "intensity": Intensity,
    "winclip": WinClip,
    "aprilgan": AprilGan,
    "anomalyclip": AnomalyClip,
    "adaclip": AdaClip,
    "mvfa": Mvfa,
    "clipad": ClipAd,
    "clipad-plus": ClipAdPlus,
    "aaclip": AaClip,
    "mutual3d": Mutual3d,
}

FILES = FilePredictions.name


def kind_of(name: str) -> type[Method] | type[VolumeMethod] | type[FilePredictions]:
    """The class of a method, that of predictions made elsewhere too; raises SettingError."""
    if name == FILES:
        return FilePredictions
    if name not in METHODS:
        raise SettingError(f"There is no method '{name}'; use {', '.join(METHODS)}.")
    return METHODS[name]


YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def about_a_brain(prompts: PromptSet) -> PromptSet:
    """The set with "brain" as its class word, where it leaves that open as "object".

    Where vectors were learned beside the word it stays.

    >>> about_a_brain(PromptSet("mine", ("a {}",), ("a bad {}",))).class_name
    'brain'
    """
    learned = {method.prompts for method in METHODS.values() if method.prompt_note}
    general = prompts.class_name == "object" and prompts.name not in learned
    return replace(prompts, class_name="brain") if general else prompts


def build(
    name: str, options: Iterable[tuple[str, str]] = ()
) -> Method | VolumeMethod | FilePredictions:
    """The method with its options set, each given as text; raises SettingError.

    >>> build("winclip", [("image_size", "240")])
    WinClip(image_size=240)
    """
    kind = kind_of(name)
    known = {field.name: field.default for field in fields(kind)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
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


def slice_method(name: str, options: Iterable[tuple[str, str]] = ()) -> Method:
    """The method with its options set, where it maps slices; raises SettingError."""
    found = build(name, options)
    if isinstance(found, FilePredictions):
        raise SettingError(f"'{name}' are files made elsewhere and map nothing; choose a method.")
    if isinstance(found, VolumeMethod):
        raise SettingError(
            f"'{name}' maps a whole volume against a set of other volumes, not single images; "
            "choose another method."
        )
    return found


def compares(name: str) -> bool:
    """Whether a method scores a volume against others, so that it needs a set of them.

    >>> compares("mutual3d"), compares("winclip")
    (True, False)
    """
    return isinstance(build(name), VolumeMethod)


def _like(default: object, name: str, text: str) -> object:
    """The text as a value of the default's kind."""
    try:
        if isinstance(default, tuple):
            return tuple(int(part) for part in text.split(","))
        if isinstance(default, bool):
            return YES_NO[text.lower()]
        if isinstance(default, int | float):
            return type(default)(text)
    except (KeyError, ValueError) as error:
        raise SettingError(f"Option {name}={text}: expected something like {default!r}.") from error
    return text
