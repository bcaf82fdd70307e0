"""The stages for one volume.

    slices -> features (disk) -> map (memory, few) -> readout (never kept)

Every stage is a function of an `Engine` and a frozen spec; what it needs it computes, what the
store holds it does not compute again. `map_spec` makes the spec of what a user chose; the names in
it become objects in `sources.resolve`, and the source knows where its map comes from.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from zsad_core import backbones, methods, setups
from zsad_core.base.jobs import BACKGROUND
from zsad_core.imaging import datasets
from zsad_core.inference import stored_cubes, stored_maps
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import MapSource, files, resolve
from zsad_core.methods import BaseMethod
from zsad_core.metrics.readout import Readout, readout
from zsad_core.prompts.sets import NO_PROMPTS
from zsad_core.setups import Setup
from zsad_core.types import (
    AnomalyMap,
    DataSpec,
    FeatureSpec,
    FloatArray,
    MapSpec,
    Precision,
    Progress,
    PromptSet,
    ReadoutSpec,
    Reference,
    SliceSpec,
    Subject,
    Threshold,
)

SET = 8  # volumes of the set that a volume is scored against, where a user chose none


def map_spec(
    engine: Engine,
    slices: SliceSpec,
    method: str,
    setup: str,
    prompts: PromptSet,
    references: tuple[Reference, ...] = (),
    volumes: tuple[str, ...] = (),
    precision: Precision | None = None,
    home: Path | None = None,
) -> MapSpec:
    """The spec of a map from what a user chose; raises SettingError, WeightsError.

    The setup may lie in the user's own `home`. References and volumes are left out for a method
    that takes none; a method that needs volumes takes the first that train where none are given.
    """
    entry = _setup_in(slices.data, method, setup, home)
    if methods.kind_of(method).compares:
        volumes = set_of(datasets.open_dataset(slices.data).subjects(), slices.modality, volumes)
    return spec_of(engine, slices, entry, prompts, references, volumes, precision)


def beside(
    engine: Engine,
    spec: MapSpec,
    method: str,
    setup: str,
    prompts: PromptSet,
    home: Path | None = None,
) -> MapSpec:
    """The map of the same scan by another method or setup, or of other prompts.

    It reads the same normal slices, set of volumes and precision where it takes them; the setup may
    lie in the user's own `home`. Raises SettingError, WeightsError.
    """
    features, chosen = spec.features, (method, setup, prompts, spec.references, spec.volumes)
    precision = features.precision if features.recipe else None
    return map_spec(engine, features.slices, *chosen, precision, home)


def chosen_precision(engine: Engine, spec: MapSpec) -> Precision | None:
    """The precision of a map where it is another than the engine's own."""
    features = spec.features
    other = features.recipe is not None and features.precision != engine.precision()
    return features.precision if other else None


def method_in(data: DataSpec, method: str, setup: str, home: Path | None = None) -> BaseMethod:
    """The method as a setup has it for these data; raises SettingError."""
    return methods.build(method, _setup_in(data, method, setup, home).options)


def _setup_in(data: DataSpec, method: str, setup: str, home: Path | None) -> Setup:
    entry = setups.find(method, setup, home)
    if method == methods.FILES:
        entry = replace(entry, options=files.options_of(data, setup))
    return entry


def spec_of(
    engine: Engine,
    slices: SliceSpec,
    setup: Setup,
    prompts: PromptSet,
    references: tuple[Reference, ...] = (),
    volumes: tuple[str, ...] = (),
    precision: Precision | None = None,
) -> MapSpec:
    """The spec of a map in a setup, by default in the engine's precision.

    What the method does not take is left out. Raises SettingError, WeightsError.
    """
    method = methods.build(setup.method, setup.options)
    features = FeatureSpec(slices, None, setup.backbone, "float32")
    if method.needs_tower:
        recipe = method.recipe(backbones.info(setup.backbone))
        if method.in_tower:
            recipe = replace(recipe, learned=setups.digest(setup))
        features = replace(features, recipe=recipe, precision=precision or engine.precision())
    spec = MapSpec(
        features,
        setup.method,
        setup.setup,
        prompts if method.prompts else NO_PROMPTS,
        setup.options,
        references if method.takes_references else (),
        volumes if method.compares else (),
        setup.home,
    )
    if method.compares:
        stored_cubes.others(spec)  # raises where the set holds no other
    return spec


def set_of(
    subjects: Iterable[Subject], modality: str, names: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Ids of the wanted subjects that are usable and have the modality, in the data's order.

    Where none is wanted, the first `SET` that train, or of all where the data have no split. The
    truth plays no part. Each subject is scored against the same set, itself excluded.
    """
    usable = [s for s in subjects if not s.problem and modality in s.modalities]
    if names:
        return tuple(s.id for s in usable if s.id in names)
    divided = any(s.split for s in usable)
    return tuple(s.id for s in usable if s.split == "train" or not divided)[:SET]


def ready(engine: Engine, spec: MapSpec) -> bool:
    """Whether the whole map is there, or all that it needs, so that it is quick."""
    source = resolve(engine, spec)
    return _is_known(source) or source.ready()


def encode(
    engine: Engine,
    spec: MapSpec,
    slices: Iterable[int] | None = None,
    progress: Progress | None = None,
    priority: int = BACKGROUND,
    size: int | None = None,
) -> int:
    """Compute and store missing features of all or some slices; returns how many were computed.

    `size` slices are encoded at once, by default as many as the device takes. A method for whole
    volumes needs every layer of cubes of its whole set.
    """
    return resolve(engine, spec).encode(slices, progress, priority, size)


def read_texts(engine: Engine, spec: MapSpec) -> None:
    """Make the texts of a map ready ahead of its slices, where they do not depend on these.

    Raises WeightsError, PromptError, SettingError.
    """
    resolve(engine, spec).read_texts()


def slice_maps(
    engine: Engine, spec: MapSpec, slices: Sequence[int]
) -> tuple[FloatArray, FloatArray]:
    """Maps (S, H, W) float32 and slice scores (S,) of some slices.

    They are those of the whole map where that is there; else missing slices are encoded.
    """
    source = resolve(engine, spec)
    maps = None if _is_known(source) else source.of_slices(slices)
    if maps is None:
        anomaly = anomaly_map(engine, spec)
        maps = anomaly.values[list(slices)], anomaly.scores[list(slices)]
    return maps


def _is_known(source: MapSource) -> bool:
    return source.key in source.engine.maps or stored_maps.stored(source)


def known_map(engine: Engine, spec: MapSpec) -> AnomalyMap | None:
    """The whole map where it is in memory or stored; nothing is encoded or mapped for it."""
    source = resolve(engine, spec)
    return engine.maps.peek(source.key) or stored_maps.read(source)


def anomaly_map(
    engine: Engine, spec: MapSpec, progress: Progress | None = None, hold: bool = True
) -> AnomalyMap:
    """The map of the whole volume, (S, H, W) float32 in the method's range 0 … high.

    Empty slices hold 0 and score NaN. Missing features are encoded. `progress` counts slices
    encoded, or those mapped where all features were there. Without `hold` the memory keeps nothing
    of it.
    """
    source = resolve(engine, spec)
    if not hold:
        return known_map(engine, spec) or replace(source, hold=False).whole(progress)
    if source.key in engine.maps or source.ready():
        return engine.maps.get(source.key, lambda: source.whole(progress))
    # It takes minutes, so each caller makes it with its own progress.
    anomaly = stored_maps.read(source) or source.whole(progress)
    return engine.maps.get(source.key, lambda: anomaly)


def method_of(spec: MapSpec) -> BaseMethod:
    """The method of a map with its options set."""
    return methods.build(spec.method, spec.options)


def numbers(
    engine: Engine,
    spec: MapSpec,
    read: ReadoutSpec,
    threshold: Threshold,
    progress: Progress | None = None,
) -> Readout:
    """The numbers of a subject's whole map at a threshold; raises ZsadError."""
    anomaly = anomaly_map(engine, spec, progress)
    stack = engine.stack(spec.features.slices)
    return readout(stack, anomaly, replace(read, threshold=threshold.value))


def text_pulls(engine: Engine, spec: MapSpec, index: int) -> list[tuple[str, float]]:
    """How far each text moves the mean map inside the brain of one slice, in the map's units.

    The mean with all texts minus the mean without that one; a side's only text is left out. Normal
    slices stay out of it: what they add does not depend on the text.
    """
    spec = replace(spec, references=())
    prompts, brain = spec.prompts, engine.stack(spec.features.slices).brain[index]

    def mean(changed: PromptSet) -> float:
        values, _ = slice_maps(engine, replace(spec, prompts=changed), [index])
        return float(values[0][brain].mean()) if brain.any() else 0.0

    full_mean, pulls = mean(prompts), []
    for side in ("normal", "abnormal"):
        texts: tuple[str, ...] = getattr(prompts, side)
        for text in texts if len(texts) > 1 else ():
            remaining = tuple(other for other in texts if other != text)
            if remaining:
                fewer = PromptSet(**{**prompts.__dict__, side: remaining})
                pulls.append((f"{side}: {text}", full_mean - mean(fewer)))
    return pulls
