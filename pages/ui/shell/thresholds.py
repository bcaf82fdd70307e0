"""From the chosen rule to a threshold in the method's range, and the words that go beside it."""

from pages.ui.shell import session
from pages.ui.shell.compute import engine, shows, start_once
from pages.ui.shell.sidebar import UserChoice
from pages.ui.shell.user import user
from zsad_core.base.jobs import Job
from zsad_core.base.store import key_of
from zsad_core.evaluation import validation
from zsad_core.inference.evaluation import of_subject
from zsad_core.inference.pipeline import method_of
from zsad_core.methods import kind_of
from zsad_core.metrics import thresholds
from zsad_core.types import AnomalyMap, MapSpec, SliceStack, Threshold


def by_hand(spec: MapSpec) -> Threshold:
    """The value the slider was left at, by default half of the range."""
    return Threshold(session.threshold_in(method_of(spec).high), "fixed", "set by hand")


def threshold_of(
    choice: UserChoice, stack: SliceStack, anomaly: AnomalyMap | None
) -> tuple[Threshold, Job | None]:
    """The threshold of the chosen rule, and the background job that still computes it, if any.

    Where a rule cannot give one (yet), the slider's value stands in and the note says why.
    """
    if choice.rule == "fixed":
        return by_hand(choice.map), None
    if choice.rule == "oracle":
        return _oracle(choice.map, stack, anomaly), None
    return _validation(choice)


def _stand_in(spec: MapSpec, why: str) -> Threshold:
    return Threshold(by_hand(spec).value, "fixed", why)


def _oracle(spec: MapSpec, stack: SliceStack, anomaly: AnomalyMap | None) -> Threshold:
    if stack.truth is None or not (stack.truth & stack.brain).any():
        return _stand_in(spec, "no oracle threshold: this subject has no lesion")
    if anomaly is None:
        return _stand_in(spec, "the oracle threshold needs the whole map, which is being computed")
    value = thresholds.oracle_threshold(anomaly.values, stack.brain, stack.truth)
    return Threshold(value, "oracle", "best 3D Dice of this subject, uses the ground truth")


def _validation(choice: UserChoice) -> tuple[Threshold, Job | None]:
    subjects = validation.validation_subjects(choice.subjects, choice.map.features.slices.modality)
    key = f"validate-{key_of('', spec=of_subject(choice.map, ''))}"
    shows("validation", key)
    known = validation.known_threshold(engine(), choice.map)
    if known is not None:
        return known, None
    old = _of_other_prompts(choice)
    named = f", '{choice.map.prompts.name}'" if kind_of(choice.map.method).prompts else ""
    job = start_once(
        key,
        f"Validation threshold of {choice.label}{named}, subjects",
        lambda progress: validation.validation_threshold(engine(), choice.map, subjects, progress),
        "pages/1_Explore.py",
        "validation",
    )
    if job.state in ("failed", "cancelled"):
        reason = job.outcome(user()) if job.error else "it was cancelled"
        return _stand_in(choice.map, f"no validation threshold: {reason}"), job
    return old or _stand_in(choice.map, "the validation threshold is being computed"), job


def _of_other_prompts(choice: UserChoice) -> Threshold | None:
    """The validation threshold last known beside other prompts alone, marked as such."""
    last = session.LAST_VALIDATION.of(_validated(choice)).get()
    if last is None:
        return None
    return Threshold(last, "validation", "from other prompts; the new one is being computed")


def remember(choice: UserChoice, threshold: Threshold) -> None:
    """Keep a validation threshold, to stand in marked while another prompt's is computed."""
    if threshold.rule == "validation":
        session.LAST_VALIDATION.of(_validated(choice)).set(threshold.value)


def _validated(choice: UserChoice) -> str:
    """All that a validation threshold depends on but the prompts."""
    spec = of_subject(choice.map, "")
    return key_of("", features=spec.features, method=spec.method, setup=spec.setup)
