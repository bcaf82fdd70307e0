"""From a failure case to the view that shows it."""

from collections.abc import Iterable

from zsad_core import pipeline, prompt_sets, setups
from zsad_core.cohort.tasks import NO_PROMPTS
from zsad_core.engine import Engine
from zsad_core.errors import SettingError, WeightsError
from zsad_core.failures import Failure
from zsad_core.types import DataSpec, PromptSet, ReadoutSpec, SliceSpec, Threshold
from zsad_core.views import View


def view_of(engine: Engine, case: Failure, data: DataSpec, known: Iterable[PromptSet]) -> View:
    """The case's slice as the row read it; `known` are the prompt sets that are here.

    Raises SettingError where its prompts are not among them, SettingError or WeightsError where
    method, setup or weights are not here.
    """
    if lack := setups.missing(setups.find(case.method, case.setup)):
        raise WeightsError(lack)
    slices = SliceSpec(data, case.subject, case.sheet.modality, case.sheet.plane)
    chosen = (case.method, case.setup, _prompts(case, known))
    spec = pipeline.map_spec(engine, slices, *chosen, volumes=case.volumes)
    threshold = Threshold(case.level, case.threshold_rule, case.threshold_note)
    read = ReadoutSpec(case.level, case.brain_only, case.min_component_voxels)
    return View(spec, case.index, threshold, read)


def _prompts(case: Failure, known: Iterable[PromptSet]) -> PromptSet:
    """The set with the texts that were read, of that name where several have them."""
    if not case.prompts_digest:
        return NO_PROMPTS
    same = [one for one in known if prompt_sets.digest(one) == case.prompts_digest]
    if not same:
        raise SettingError(
            f"The prompt set '{case.prompts}' is not here as it was when this was evaluated; save "
            "it again, or evaluate with the set as it is now."
        )
    return next((one for one in same if one.name == case.prompts), same[0])
