"""From the chosen rule to a threshold in the method's range, and the words that go beside it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st

from pages.ui.shell import session
from pages.ui.shell.compute import engine, shows, start_once, stopped
from pages.ui.shell.jobs import outcome_text
from pages.ui.shell.sidebar import UserChoice
from zsad_core.base.jobs import Job
from zsad_core.base.store import key_of
from zsad_core.evaluation import validation
from zsad_core.inference.evaluation import map_key, of_subject
from zsad_core.inference.pipeline import method_of
from zsad_core.methods import kind_of
from zsad_core.metrics.threshold_rules import (
    Fixed,
    MapRule,
    Oracle,
    TunedRule,
    of_anomaly,
    of_mask,
    rule_of,
)
from zsad_core.types import AnomalyMap, MapSpec, SliceStack, Threshold

TUNING = "threshold"  # kind of jobs


def by_hand(spec: MapSpec) -> Threshold:
    """The value the slider was left at, by default half of the range."""
    return Threshold(session.threshold_in(method_of(spec).high), Fixed.name, "set by hand")


def with_origin(
    threshold: Threshold, choice: UserChoice, stack: SliceStack, anomaly: AnomalyMap | None
) -> Threshold:
    """A threshold set by hand, with its rule where a rule gave the value to the same map.

    That is the rule of the view that was opened, such as a row's, or the oracle, whose value the
    viewer offers too. Without `anomaly`, the whole map, no oracle is known.
    """
    if not isinstance(rule_of(choice.rule), Fixed) or method_of(choice.map).binary:
        return threshold
    key, oracle = map_key(engine(), choice.map), Oracle()
    known = [opened for opened, of in filter(None, [session.OPENED_THRESHOLD.get()]) if of == key]
    if anomaly is not None and not oracle.lack(stack.brain, stack.truth):
        known.append(_of_anomaly(key, oracle.text, oracle, stack, anomaly))
    same = (each for each in known if np.float32(each.value) == np.float32(threshold.value))
    return next(same, threshold)


def threshold_of(
    choice: UserChoice, stack: SliceStack, anomaly: AnomalyMap | None
) -> tuple[Threshold, Job | None]:
    """The threshold of the chosen rule, and the background job that still computes it, if any.

    Where a rule cannot give one (yet), the slider's value stands in and the note says why. Jobs for
    another rule of this tab end.
    """
    shows(TUNING)
    rule = rule_of(choice.rule)
    if isinstance(rule, MapRule):
        return _of_map(rule, choice.map, stack, anomaly), None
    if isinstance(rule, TunedRule):
        return _tuned(rule, choice, _tuning(rule, choice))
    return by_hand(choice.map), None


def thresholds_of(
    choice: UserChoice, subjects: Sequence[str]
) -> tuple[dict[str, Threshold], list[Job]]:
    """The chosen rule's thresholds of the same map of subjects, and jobs that compute others.

    One from the subject's own map is NaN until that is read. Jobs for another rule of this tab end.
    """
    shows(TUNING)
    rule = rule_of(choice.rule)
    if isinstance(rule, MapRule):
        return dict.fromkeys(subjects, rule.pending), []
    if not isinstance(rule, TunedRule):
        return dict.fromkeys(subjects, by_hand(choice.map)), []
    choices = {name: replace(choice, map=of_subject(choice.map, name)) for name in subjects}
    tuning = {name: _tuning(rule, of_other) for name, of_other in choices.items()}
    first = {others: choices[name] for name, others in tuning.items()}
    tuned = {others: _tuned(rule, of_other, others) for others, of_other in first.items()}
    ready = {name: tuned[others][0] for name, others in tuning.items() if not tuned[others][1]}
    return ready, [job for _, job in tuned.values() if job]


def _tuning(rule: TunedRule, choice: UserChoice) -> tuple[str, ...]:
    return validation.tuning_subjects(rule, choice.subjects, choice.map.features.slices)


def _stand_in(spec: MapSpec, why: str) -> Threshold:
    return Threshold(by_hand(spec).value, Fixed.name, why)


def _of_map(
    rule: MapRule, spec: MapSpec, stack: SliceStack, anomaly: AnomalyMap | None
) -> Threshold:
    if lack := rule.lack(stack.brain, stack.truth):
        return _stand_in(spec, f"no {rule.title} threshold: {lack}")
    if anomaly is None:
        why = f"the {rule.title} threshold needs the whole map, which is being computed"
        return _stand_in(spec, why)
    return _of_anomaly(map_key(engine(), spec), rule.text, rule, stack, anomaly)


@st.cache_resource(max_entries=64, show_spinner="Finding the threshold …")
def _of_anomaly(
    map_key: str, text: str, _rule: MapRule, _stack: SliceStack, _anomaly: AnomalyMap
) -> Threshold:
    return of_anomaly(_rule, _anomaly, _stack.brain, _stack.truth)


def _tuned(
    rule: TunedRule, choice: UserChoice, subjects: tuple[str, ...]
) -> tuple[Threshold, Job | None]:
    spec, method = choice.map, method_of(choice.map)
    if method.binary:
        return of_mask(rule, method.high), None
    key = f"tune-{key_of(rule.text, spec=of_subject(spec, ''), subjects=subjects)}"
    shows(TUNING, key)
    known = validation.known_threshold(engine(), spec, rule, subjects)
    if known is not None:
        return known, None
    named = f", '{spec.prompts.name}'" if kind_of(spec.method).prompts else ""
    title = f"Threshold by {rule.title} of {choice.label}{named}, subjects"
    work = partial(validation.tuned_threshold, engine(), spec, rule, subjects)
    job = start_once(key, title, work, "pages/1_Explore.py", TUNING)
    if stopped(job):
        reason = outcome_text(job) if job.error else "it was cancelled"
        return _stand_in(spec, f"no {rule.title} threshold: {reason}"), job
    last = session.LAST_TUNED.of(_without_prompts(choice)).get()
    if last is None:
        return _stand_in(spec, f"the {rule.title} threshold is being computed"), job
    note = "from other prompts; the new one is being computed"
    return Threshold(last, choice.rule, note), job


def remember(choice: UserChoice, threshold: Threshold) -> None:
    """Keep a tuned threshold, to stand in marked while another prompt's is computed."""
    if threshold.rule == choice.rule and isinstance(rule_of(choice.rule), TunedRule):
        session.LAST_TUNED.of(_without_prompts(choice)).set(threshold.value)


def _without_prompts(choice: UserChoice) -> str:
    """All that a tuned threshold depends on but the prompts."""
    spec = of_subject(choice.map, "")
    return key_of(choice.rule, features=spec.features, method=spec.method, setup=spec.setup)
