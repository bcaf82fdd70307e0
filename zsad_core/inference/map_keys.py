"""The key of what is stored of a map."""

from collections.abc import Sequence

from zsad_core import setups
from zsad_core.base.store import key_of
from zsad_core.inference.engine import Engine
from zsad_core.inference.stored_features import feature_key
from zsad_core.prompts import sets as prompt_sets
from zsad_core.setups import Setup
from zsad_core.types import MapSpec


def map_key(
    engine: Engine, spec: MapSpec, setup: Setup, volumes: Sequence[str] = (), **more: object
) -> str:
    """Features, prompts, learned part, options, references, the set's digests, and what is more.

    Raises DataError, WeightsError.
    """
    return key_of(
        feature_key(engine, spec.features),
        method=spec.method,
        learned=setups.digest(setup),
        prompts=prompt_sets.content(spec.prompts),
        options=spec.options,
        references=[(engine.digest(one.slices), one.index) for one in spec.references],
        volumes=volumes,
        **more,
    )
