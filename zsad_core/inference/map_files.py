"""Anomaly maps for files, without a data set: one NIfTI volume, or 2D images."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from zsad_core import backbones, methods, setups
from zsad_core.errors import SettingError, WeightsError
from zsad_core.imaging import slicing
from zsad_core.imaging.datasets import nifti
from zsad_core.imaging.image_sets.pictures import opened
from zsad_core.inference import map_sets
from zsad_core.inference.map_inputs import SCANS, normal_slice
from zsad_core.methods import VolumeMethod
from zsad_core.methods.adaclip.semantic import one_run
from zsad_core.methods.texts import TowerTexts
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import (
    BackboneSpec,
    ByteArray,
    FloatArray,
    MaskArray,
    Precision,
    Progress,
    PromptSet,
    SliceFeatures,
)

BATCH = 4


@dataclass(frozen=True)
class MapRequest:
    """What the command line asks for; empty strings mean the method's or setup's own."""

    inputs: tuple[Path, ...]
    method: str
    out: Path
    setup: str = ""
    backbone: BackboneSpec = BackboneSpec("")
    checkpoint: str = ""
    class_name: str = ""
    prompts: str = ""
    image_size: int = 0
    options: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    beside: tuple[Path, ...] = ()
    device: str = "cpu"
    precision: Precision = "float32"


class Mapper:
    """Method, tower, texts and learned part of a request, loaded once."""

    def __init__(self, request: MapRequest) -> None:
        self.method = methods.slice_method(request.method, _options(request))
        self.learned = _learned(request, _setup(request))
        self._text: FloatArray | None = None
        self.tower, self.recipe = None, None
        if self.method.needs_tower:
            self.tower = _tower(request)
            self.recipe = self.method.recipe(self.tower.info)
            self.prompts = _prompts(request, self.method.prompts)
        self._normal = self._remembered(request.references)

    def maps(self, batches: Iterable[ByteArray]) -> Iterator[tuple[FloatArray, FloatArray]]:
        """(B, H, W[, 3]) uint8 of one size to maps (B, S, S) or (B, H, W), and scores (B,).

        One batch at a time, or all at once where the method needs that.
        """
        found: Iterable[list[SliceFeatures]] = map(self._features, batches)
        if self.method.by_volume(len(self._normal)):
            found = [[one for part in found for one in part]]
        for features in found:
            yield self._maps(features)

    def _features(self, images: ByteArray) -> list[SliceFeatures]:
        if self.tower is None or self.recipe is None:
            return [{"pixels": image} for image in images]
        kept = self._kept(len(images))
        return self.method.encode(self.tower, images, self.recipe, kept, self.learned)

    def _maps(self, features: list[SliceFeatures]) -> tuple[FloatArray, FloatArray]:
        kept, text = self._kept(len(features)), np.zeros((2, 1), np.float32)
        if self.tower is not None and self.recipe is not None:
            if self._text is None or self.method.text_by_slice:
                encoder = TowerTexts(self.tower, self.recipe.activation)
                self._text = self.method.texts(self.prompts, encoder, self.learned, features)
            text = self._text
        return self.method.maps(features, kept, text, self.learned, self.recipe, self._normal)

    def _remembered(self, references: Iterable[str]) -> list[SliceFeatures]:
        """Features of what the memory holds of normal slices."""
        found: list[SliceFeatures] = []
        for name in references:
            if self.recipe is None or not self.method.takes_references:
                raise SettingError(
                    f"'{self.method.name}' reads no normal slices; leave --reference out."
                )
            side = self.recipe.image_size
            found += self._features(methods.reference_views(self.method, normal_slice(name), side))
        return found

    def _kept(self, count: int) -> MaskArray:
        grid = self.recipe.grid if self.recipe else 1
        return np.ones((count, grid, grid), bool)


def build_method(request: MapRequest) -> methods.Method | VolumeMethod:
    """The method with its options set; raises SettingError for an unknown or wrong one."""
    found = methods.build(request.method, _options(request))
    return (
        found
        if isinstance(found, VolumeMethod)
        else methods.slice_method(request.method, _options(request))
    )


def _options(request: MapRequest) -> Iterable[tuple[str, str]]:
    """The options given, and the setup's own, which hold with the setup's backbone only."""
    entry = _setup(request)
    given = dict(entry.options if not request.backbone.name else ())
    given |= dict(option.partition("=")[::2] for option in request.options)
    if request.image_size:
        given["image_size"] = str(request.image_size)
    return given.items()


def _tower(request: MapRequest) -> backbones.Tower:
    spec = request.backbone if request.backbone.name else _setup(request).backbone
    return backbones.load(spec, request.device, request.precision)


def run(request: MapRequest, progress: Progress | None = None) -> str:
    """Write the maps; returns the sentence that says what was written. Raises ZsadError."""
    volume = request.inputs[0].name.endswith(SCANS)
    if volume and len(request.inputs) > 1:
        raise SettingError("One NIfTI volume at a time; call the command once for each.")
    suffix = ".nii.gz" if volume else ".npz"
    if not request.out.name.endswith(suffix):
        raise SettingError(f"--out is '{request.out}'; for this input it must end in {suffix}.")
    if not request.out.parent.is_dir():
        raise SettingError(f"--out: there is no folder '{request.out.parent}'; make it first.")
    method = build_method(request)
    if isinstance(method, VolumeMethod):
        return _against(request, method, progress)
    if request.beside:
        raise SettingError(f"'{request.method}' scores a scan alone; leave --beside out.")
    return _volume(request, progress) if volume else _images(request, progress)


def _against(request: MapRequest, method: VolumeMethod, progress: Progress | None) -> str:
    scans = (*request.inputs, *request.beside)
    if len(scans) < 2 or not all(scan.name.endswith(SCANS) for scan in scans):
        raise SettingError(
            f"'{request.method}' scores a NIfTI volume against others and maps no 2D image; give "
            "one volume, and the others with --beside SCAN, once for each."
        )
    return map_sets.write(method, _tower(request), scans, request.out, progress)


def _images(request: MapRequest, progress: Progress | None) -> str:
    pictures = [opened(path) for path in request.inputs]
    mapper = Mapper(request)

    def inputs() -> Iterator[ByteArray]:
        size = (mapper.recipe.image_size,) * 2 if mapper.recipe else None
        for done, one in enumerate(pictures):
            if progress:
                progress(done + 1, len(pictures))
            resized = one.resize(size, Image.Resampling.BICUBIC) if size else one
            yield np.asarray(resized)[None]

    with one_run():
        found = list(mapper.maps(inputs()))
    maps = [one for part, _ in found for one in part]
    if len({one.shape for one in maps}) > 1:
        raise SettingError("These images differ in size; map them one at a time with this method.")
    scores = np.concatenate([part for _, part in found]).astype(np.float32)
    np.savez(request.out, maps=np.stack(maps).astype(np.float32), scores=scores)
    return f"\n{len(maps)} maps of {maps[0].shape} in {request.out}"


def _volume(request: MapRequest, progress: Progress | None) -> str:
    volume = nifti.read_scan(request.inputs[0])
    stack = slicing.to_slices(volume)
    filled = np.flatnonzero(stack.brain.any(axis=(1, 2)))
    mapper = Mapper(request)
    maps = np.zeros(stack.image.shape, np.float32)

    def batches() -> Iterator[ByteArray]:
        for start in range(0, len(filled), BATCH):
            if progress:
                progress(start, len(filled))
            yield stack.image[filled[start : start + BATCH]]

    done = 0
    for found, _ in mapper.maps(batches()):
        part = filled[done : done + len(found)]
        maps[part] = methods.stretched(found, stack.image.shape[1:])
        done += len(found)
    nifti.write_like(request.inputs[0], slicing.to_voxels(maps), request.out)
    return f"\nmap of {len(filled)} slices, range 0 to {mapper.method.high:g}, in {request.out}"


def _setup(request: MapRequest) -> setups.Setup:
    entries = setups.of_method(request.method)
    for entry in entries:
        if entry.setup == request.setup or not request.setup:
            return entry
    names = ", ".join(entry.setup for entry in entries)
    raise SettingError(f"'{request.method}' has no setup '{request.setup}'; it has {names}.")


def _learned(request: MapRequest, entry: setups.Setup) -> dict[str, FloatArray] | None:
    if not methods.kind_of(request.method).learned:
        return None
    if request.checkpoint:
        return setups.read_checkpoint(request.method, Path(request.checkpoint))
    if request.backbone.name and not request.setup:
        raise WeightsError(
            f"'{request.method}' needs its learned part; give --checkpoint FILE or --setup NAME."
        )
    return setups.learned(entry)


def _prompts(request: MapRequest, default: str) -> PromptSet:
    shipped = prompt_sets.shipped()
    name = request.prompts or default
    found = shipped[name] if name in shipped else prompt_sets.load(Path(name))
    return replace(found, class_name=request.class_name) if request.class_name else found
