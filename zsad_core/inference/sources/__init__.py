"""Where a map comes from: slices, a volume against others, or files.

`resolve` is where the names of a spec become objects. What is below takes the objects; what is
above asks the source. Only what reads texts, and the plan of an evaluation, asks of which kind it
is.
"""

from pathlib import Path

from zsad_core import methods, setups
from zsad_core.errors import SettingError
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources.base import MapSource
from zsad_core.inference.sources.files import FileSource
from zsad_core.inference.sources.pixels import PixelSource
from zsad_core.inference.sources.slices import SliceSource
from zsad_core.inference.sources.volumes import VolumeSource
from zsad_core.methods import FilePredictions, VolumeMethod
from zsad_core.setups import Setup
from zsad_core.types import MapSpec

__all__ = ["MapSource", "SliceSource", "VolumeSource", "resolve", "text_source"]


def resolve(engine: Engine, spec: MapSpec, setup: Setup | None = None) -> MapSource:
    """The source of a map, of a `setup` that has no name or of the one that the spec names.

    Raises SettingError for a method, option or setup that is not there.
    """
    setup = setup or setups.find(spec.method, spec.setup, Path(spec.home) if spec.home else None)
    method, recipe = methods.build(spec.method, spec.options), spec.features.recipe
    if isinstance(method, FilePredictions):
        return FileSource(engine, spec, method, setup)
    if isinstance(method, VolumeMethod):
        if recipe is None:
            raise ValueError(f"the map of '{spec.method}' needs a recipe")
        return VolumeSource(engine, spec, method, setup, recipe)
    if recipe is None:
        return PixelSource(engine, spec, method, setup)
    return SliceSource(engine, spec, method, setup, recipe)


def text_source(engine: Engine, spec: MapSpec) -> SliceSource:
    """The source of a map that texts change; raises SettingError where the method reads none."""
    source = resolve(engine, spec)
    if not isinstance(source, SliceSource):
        raise SettingError(f"'{spec.method}' reads no text; choose another method.")
    return source
