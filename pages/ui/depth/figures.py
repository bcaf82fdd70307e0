"""The Depth page's parts: Figure 3, live, for one subject and over all evaluated ones."""

from dataclasses import replace

import numpy as np
import streamlit as st

from pages.ui.depth import cases as depth_cases
from pages.ui.depth.cases import DepthCohort, SubjectSlices
from pages.ui.explore.shown import few_shot
from pages.ui.shell import compute, exposure, navigate, volume_set
from pages.ui.shell.exposed import include_exposed
from pages.ui.shell.markdown import escape
from pages.ui.shell.plots import clicked_point
from pages.ui.shell.prompt_choice import prompts_beside
from pages.ui.shell.sidebar import EMPTY_SLICES, UserChoice
from pages.ui.shell.thresholds import threshold_of, thresholds_of
from pages.ui.shell.user import home
from zsad_core import methods, setups
from zsad_core.base.jobs import Job
from zsad_core.base.palette import COLOURS
from zsad_core.base.wording import counted
from zsad_core.imaging import slicing
from zsad_core.inference import pipeline
from zsad_core.inference.views import View
from zsad_core.metrics import intervals
from zsad_core.metrics.readout import readout
from zsad_core.report.depth_charts import by_depth, by_slice
from zsad_core.types import FloatArray, MapSpec, Threshold

Series = dict[str, MapSpec]


def choose_series(choice: UserChoice) -> Series:
    """Draw the choice of methods and setups, and return their maps by name."""
    entries = {
        methods.configuration_name(*key): key
        for key, entry in setups.entries(home()).items()
        if not setups.missing(entry) and setups.fits(entry, choice.data)
    }
    baseline = methods.configuration_name(methods.BASELINE, "zero-shot")
    default = [name for name in dict.fromkeys((choice.label, baseline)) if name in entries]
    chosen = st.multiselect(
        "Series", list(entries), default=default, max_selections=len(COLOURS), key="series"
    )
    engine, spec = compute.engine(), choice.map

    def beside(method: str, setup: str) -> MapSpec:
        return pipeline.beside(engine, spec, method, setup, prompts_beside(spec, method), home())

    return {name: beside(*entries[name]) for name in chosen}


def of_subject(choice: UserChoice, series: Series) -> None:
    """Dice of each slice of the chosen subject."""
    stack = compute.stack(choice.map)
    depths = slicing.depths(stack.brain, choice.readout.centre)
    jobs: list[Job | None] = []
    dice: dict[str, FloatArray] = {}
    thresholds: dict[str, Threshold] = {}
    words, notes = list[str](), dict[str, None]()
    st.subheader(f"Figure 3 for one subject: 2D Dice of {escape(choice.subject.id)} against depth")
    st.caption(_conventions(choice, series))
    for name, spec in series.items():
        if not compute.ready(spec):
            jobs.append(compute.start_encoding(spec))
            continue
        with st.spinner(f"Reading the map of {name} …"):
            anomaly = compute.whole_map(spec)
        threshold, job = threshold_of(replace(choice, map=spec), stack, anomaly)
        jobs.append(job)
        numbers = readout(stack, anomaly, replace(choice.readout, threshold=threshold.value))
        if numbers.dice is not None:
            dice[name], thresholds[name] = numbers.dice, threshold
            notes |= dict.fromkeys(numbers.notes)  # a lesion-free truth: one note a series
            words.append(depth_cases.words(name, [threshold], numbers.dice[np.isfinite(depths)]))
    if dice and stack.truth is not None:
        lesion = np.array([mask.any() for mask in stack.truth])
        point = clicked_point(by_slice(depths, dice, lesion, list(series)), "depth-one")
        st.caption(escape(f"{'; '.join(words)}. Click a point to open its slice."))
        exposure.warn((name, series[name], threshold) for name, threshold in thresholds.items())
        if point:
            index, name = point["customdata"][:2]
            name = name or next(iter(dice))  # a bar belongs to no series
            navigate.to(View(series[name], int(index), thresholds[name], choice.readout))
    for note in notes:
        st.info(escape(note))
    _show(jobs)


def of_subjects(choice: UserChoice, series: Series) -> None:
    """Mean Dice over all evaluated subjects; those that are missing can be evaluated."""
    subjects, thresholds = depth_cases.reported(choice), {}
    jobs: list[Job | None] = []
    for name, spec in series.items():
        of_series, tuning = thresholds_of(replace(choice, map=spec), subjects)
        jobs += tuning
        if not tuning:  # else other thresholds stand in, whose rows nobody wants
            thresholds[name] = of_series
    cohort = DepthCohort(series, thresholds, subjects, choice.readout)
    if not cohort.subjects:
        st.info("No test, validation or own subject with this modality has a segmentation.")
        return
    st.subheader("Figure 3 for all evaluated subjects: mean 2D Dice against depth")
    st.caption(_conventions(choice, series))
    jobs.append(depth_cases.look(cohort))
    exposed = depth_cases.exposed(cohort)
    cohort = replace(cohort, with_exposed=include_exposed(exposed))
    cases: dict[str, list[SubjectSlices]] = {}
    words, every = list[str](), counted(len(cohort.subjects), "subject")
    for name in thresholds:
        if evaluated := depth_cases.cases(cohort, name):
            cases[name] = evaluated
            read = choice.readout
            dice = np.concatenate(
                [c.dice(read)[np.isfinite(c.depths[read.centre])] for c in evaluated]
            )
            drawn = depth_cases.words(name, [case.threshold for case in evaluated], dice)
            seen = sum(case.exposed for case in evaluated)
            of_them = f" ({seen} exposed)" if seen else ""
            words.append(f"{drawn} of {len(evaluated)} of {every}{of_them}")
    if exposed and not cohort.with_exposed:
        words.append(f"{counted(len(exposed), 'exposed subject')} left out: {', '.join(exposed)}")
        if not cases:
            st.info("Every evaluated subject is exposed; include them, or evaluate others.")
    if cases:
        _curves(cohort, cases, words)
    jobs.append(depth_cases.evaluate_rest(cohort))
    _show(jobs)


def _curves(cohort: DepthCohort, cases: dict[str, list[SubjectSlices]], words: list[str]) -> None:
    curves = {("", name): depth_cases.curve(cohort, name) for name in cases}
    point = clicked_point(by_depth(curves, [""], list(cohort.series)), "depth-all")
    opens = "Click a point to open the worst slice at that depth."
    st.caption(escape(f"{'; '.join(words)}. Band: {intervals.WORDS}. {opens}"))
    if point:
        name = point["customdata"][2]  # "" of a bar, which belongs to no series
        chosen = cases.get(name) or [subject for of in cases.values() for subject in of]
        if view := depth_cases.worst(chosen, cohort.readout, point["x"]):
            navigate.to(view)


def _conventions(choice: UserChoice, series: Series) -> str:
    """What holds for every curve of the page, in one line of markdown."""
    precisions = sorted({spec.features.precision for spec in series.values()})
    sets = filter(None, map(volume_set.words_of_many, series.values()))
    read = choice.readout
    texts = [f"{name} '{of.prompts.name}'" for name, of in series.items() if of.prompts.name]
    small = read.min_component_voxels
    mask = f"inside the {choice.data.region}" if read.brain_only else "anywhere"
    mask += f", components under {small} voxels removed" if small > 1 else ""
    rules = (
        f"{choice.data.place}, {choice.map.features.slices.modality}",
        f"threshold rule: {choice.rule}",
        *([f"prompts: {'; '.join(texts)}"] if texts else []),
        f"mask {mask}",
        f"slices in mean 2D Dice: {EMPTY_SLICES[read.empty_slices]}",
        f"depth -1: the most inferior slice of the {choice.data.region}, +1: the most superior, "
        f"0: its {read.centre}",
        f"{' and '.join(precisions)}, {compute.engine().device.upper()}",
    )
    few = filter(None, map(few_shot, series.values()))
    return escape(" · ".join((*rules, *dict.fromkeys((*sets, *few)))))


def _show(jobs: list[Job | None]) -> None:
    """Each job once, however many series wait for it."""
    for job in {id(job): job for job in jobs if job is not None}.values():
        compute.show_job(job)
