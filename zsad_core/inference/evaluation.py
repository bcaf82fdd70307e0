"""A map's key, and the same map of another subject or with other prompts."""

from dataclasses import replace

from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import resolve
from zsad_core.types import MapSpec, PromptSet


def of_subject(spec: MapSpec, subject: str) -> MapSpec:
    """The same map of another subject of the same data."""
    slices = replace(spec.features.slices, subject=subject)
    return replace(spec, features=replace(spec.features, slices=slices))


def map_key(engine: Engine, spec: MapSpec) -> str:
    """Key of what is stored of a map; raises ZsadError."""
    return resolve(engine, spec).map_key


def with_prompts(spec: MapSpec, prompts: PromptSet) -> MapSpec:
    """The same map with other prompts."""
    return replace(spec, prompts=prompts)
