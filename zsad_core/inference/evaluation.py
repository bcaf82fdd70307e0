"""A map's key, and the same map of another subject or with other prompts."""

from dataclasses import replace

from zsad_core import setups
from zsad_core.base.store import key_of
from zsad_core.inference import stored_cubes, stored_features
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import files
from zsad_core.methods import FILES
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import MapSpec, PromptSet


def of_subject(spec: MapSpec, subject: str) -> MapSpec:
    """The same map of another subject of the same data."""
    slices = replace(spec.features.slices, subject=subject)
    return replace(spec, features=replace(spec.features, slices=slices))


def map_key(engine: Engine, spec: MapSpec) -> str:
    """Key of what is kept of a map: its features, prompts, learned part, options and set."""
    more = {"file": files.content_key(spec)} if spec.method == FILES else {}
    return key_of(
        stored_features.feature_key(engine, spec.features),
        method=spec.method,
        learned=setups.digest(setups.find(spec.method, spec.setup)),
        prompts=prompt_sets.content(spec.prompts),
        options=spec.options,
        references=[(engine.digest(one.slices), one.index) for one in spec.references],
        volumes=stored_cubes.digests(engine, spec),
        **more,
    )


def with_prompts(spec: MapSpec, prompts: PromptSet) -> MapSpec:
    """The same map with other prompts."""
    return replace(spec, prompts=prompts)
