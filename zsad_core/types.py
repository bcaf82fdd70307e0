"""Frozen values and specs shared by every part of the core.

Axis letters, used in every docstring and trailing comment:

    X Y Z  voxels, RAS+ (X to the right, Y to the front, Z to the top)
    S      slices, inferior to superior (also: side of the method's square input, where noted)
    H W    pixels of a slice: anterior up, the patient's right on the left
    R C    patch grid, P retained patches of it
    L      layers (taps)
    E      embedding
    K      text classes: 0 normal, 1 abnormal

Arrays inside these values are read-only. A spec holds only names and numbers: it is at once the
result of the sidebar, the key of a cache, and the label in an export.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import StringConstraints

FloatArray = NDArray[np.floating[Any]]
MaskArray = NDArray[np.bool_]
ByteArray = NDArray[np.uint8]
Plane = Literal["axial", "coronal", "sagittal"]
Precision = Literal["float32", "bfloat16"]
Labels = Annotated[
    str, StringConstraints(pattern=r"^(auto|2021|2023|[1-9]\d{0,2}(,[1-9]\d{0,2})*)$")
]
Split = Literal["", "train", "validation", "test", "extra"]
SliceFeatures = dict[str, NDArray[Any]]
Tensors = dict[str, NDArray[np.float32]]
"""What is trained, under official names."""
Learned = dict[str, FloatArray] | None
"""Tensors of a checkpoint under official names; None where nothing is learned."""
Progress = Callable[[int, int], None]
"""Called as progress(done, total); it may raise Cancelled to stop the work."""
ADDED = MappingProxyType({"added": True})
"""Marks a field that is younger than keys: one that has its default is left out of them."""


@dataclass(frozen=True)
class DataSpec:
    """Where subjects come from: an entry of `zsad_core.imaging.datasets`, its root, its labels.

    `labels` says which labels of a segmentation are the lesion: "auto" leaves it to the data set,
    "2021" (1, 2, 4) and "2023" (1, 2, 3) are BraTS's whole tumour, "1,3" are those two. `split`
    names what divides the subjects (`zsad_core.imaging.splits`); "" leaves them as the data set
    itself divides them, which only the demo does. `contrast` is the modality of plain files, whose
    names have none; `region` is what the scans show, the class name of prompts.
    """

    kind: str = "demo"
    root: str = ""
    labels: Labels = "auto"
    split: str = ""
    contrast: str = field(default="", metadata=ADDED)
    region: str = field(default="brain", metadata=ADDED)

    @property
    def private(self) -> bool:
        """Whether one user brought it through a browser; nobody else may see what it holds."""
        return self.kind == "upload"

    @property
    def place(self) -> str:
        """Where it comes from, as it may be shown."""
        return "uploaded scans" if self.private else self.root or self.kind


@dataclass(frozen=True)
class Subject:
    """One entry of a data set's index; no voxel is read to make it.

    `problem` is "" or the one sentence that says why the subject cannot be used; `site` is the
    first folder below the root where that is not the subject's own.
    """

    id: str
    modalities: tuple[str, ...]
    has_truth: bool
    split: Split = ""
    problem: str = ""
    notes: tuple[str, ...] = ()
    site: str = ""

    def evaluable(self, modality: str) -> bool:
        """Whether a map of this modality can be held against a truth."""
        return self.has_truth and not self.problem and modality in self.modalities


@dataclass(frozen=True)
class Volume:
    """One scan, (X, Y, Z) in RAS+.

    `intensity` is float32 in the file's own units, `truth` the whole tumour, `labels` the label
    image as stored; both are None where there is no segmentation. `digest` is a SHA-256 of all
    bytes of the files read, and of what shapes brain or truth beside them: two volumes of one
    digest are equal. `notes` are sentences to show beside the scan.
    """

    intensity: FloatArray
    brain: MaskArray
    truth: MaskArray | None
    labels: ByteArray | None
    spacing_mm: tuple[float, float, float]
    affine: FloatArray
    digest: str
    skull_stripped: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SliceStack:
    """A volume as 2D slices: image (S, H, W) uint8 under one window, masks of the same shape.

    Images from files may have colours, (S, H, W, 3). `digest` is that of the scan.
    """

    image: ByteArray
    brain: MaskArray
    truth: MaskArray | None
    window: tuple[float, float]
    voxel_ml: float
    pixel_mm: tuple[float, float]
    digest: str = ""


@dataclass(frozen=True)
class Cubes:
    """A volume as cubic tokens (P, planes, L, E) and their positions (P, 3) along X, Y, Z."""

    tokens: FloatArray
    positions: NDArray[np.int64]


@dataclass(frozen=True)
class PromptSet:
    """Sentences that describe normal and abnormal images.

    A text holds "{}" where the class name goes; a template holds "{}" where the text goes. Without
    templates the texts themselves are the sentences. `tuned_on` are subjects whose truth chose the
    texts: numbers on them flatter. Texts that are switched off are kept, and read by nobody.
    """

    name: str
    normal: tuple[str, ...]
    abnormal: tuple[str, ...]
    templates: tuple[str, ...] = ()
    class_name: str = "object"
    source: str = ""
    tuned_on: tuple[str, ...] = ()
    normal_off: tuple[str, ...] = ()
    abnormal_off: tuple[str, ...] = ()


@dataclass(frozen=True)
class BackboneSpec:
    """Which CLIP: a registered name ("demo"), an open_clip name with tag, a hub id, or local files.

    `name` is a key of `zsad_core.backbones.BACKBONES`, an open_clip model name, "hf-hub:…", or the
    path of a config JSON; `weights` a pretrained tag or the path of a weights file.
    """

    name: str = "demo"
    weights: str = ""


@dataclass(frozen=True)
class Recipe:
    """The image-side computation of a method that does not depend on prompts.

    `taps` are 1-based visual blocks, `windows` the sides of square patch windows; methods with
    equal recipes share stored features. `reach` is how many patches around the brain the map
    inside the brain depends on. `scaling` is CLIP's mean and deviation, or pixels in 0 … 1 as they
    are. `learned` is the digest of a checkpoint that acts inside the image tower, else "".
    """

    name: str
    image_size: int
    grid: int
    taps: tuple[int, ...] = ()
    windows: tuple[int, ...] = ()
    activation: Literal["gelu", "quick_gelu"] = "gelu"
    positions: Literal["bicubic_antialias", "bicubic", "bilinear"] = "bicubic_antialias"
    reach: int = 2
    scaling: Literal["clip", "plain"] = "clip"
    learned: str = ""

    def everywhere(self) -> "Recipe":
        """The same at every patch, however far from the brain."""
        return replace(self, reach=self.grid)


@dataclass(frozen=True)
class SliceSpec:
    """Which slices: data, subject, modality, plane."""

    data: DataSpec = DataSpec()
    subject: str = ""
    modality: str = "t2f"
    plane: Plane = "axial"


@dataclass(frozen=True)
class FeatureSpec:
    """Key of the first cost: the image features of one subject under one recipe.

    `recipe` is None for a method without an image tower; then backbone and precision are unused.
    """

    slices: SliceSpec
    recipe: Recipe | None
    backbone: BackboneSpec
    precision: Precision


@dataclass(frozen=True)
class Reference:
    """A slice that a user picked as normal, by its index from the bottom."""

    slices: SliceSpec
    index: int


@dataclass(frozen=True)
class MapSpec:
    """Key of the second cost: the anomaly map. `options` are the fields set on the method.

    `references` are normal slices for few-shot; without any the map is zero-shot. `volumes` are
    ids of subjects of the same data, unlabelled: the set that a method for whole volumes scores the
    subject against, the subject itself excluded. `home` is the home in which the setup lies, "" for
    that of all users.
    """

    features: FeatureSpec
    method: str
    setup: str
    prompts: PromptSet
    options: tuple[tuple[str, str], ...] = ()
    references: tuple[Reference, ...] = ()
    volumes: tuple[str, ...] = ()
    home: str = field(default="", metadata=ADDED)


@dataclass(frozen=True)
class ReadoutSpec:
    """Key of the third cost: how a map becomes a mask and numbers; redone on every change.

    `threshold` is a value of the method's own range; a voxel at or above it is predicted.
    """

    threshold: float = 0.5
    brain_only: bool = True
    min_component_voxels: int = 0
    empty_slices: Literal["lesion_only", "nan", "both_empty_one"] = "lesion_only"
    centre: Literal["middle", "centroid"] = "middle"


@dataclass(frozen=True)
class AnomalyMap:
    """An anomaly map: values (S, H, W) float32 in the method's published range, 0 … high.

    `scores` (S,) float32 are the slice scores, NaN on empty slices. Every number is of these
    values; `zsad_core.metrics.levels` has fewer, for the display and for rows. A `binary` map is a
    mask of 0 and `high`: it ranks nothing. `notes` are sentences to show beside its numbers.
    """

    values: FloatArray
    scores: FloatArray
    high: float
    binary: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Threshold:
    """A value of the method's own range, and the words that say where it comes from."""

    value: float
    rule: str
    note: str = ""


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """The same array with writing switched off.

    >>> read_only(np.zeros(2)).flags.writeable
    False
    """
    array.setflags(write=False)
    return array
