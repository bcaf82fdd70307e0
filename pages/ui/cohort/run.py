"""The form of an evaluation: what to evaluate, what it takes, its start, progress and end."""

from dataclasses import fields
from pathlib import Path
from typing import cast

import streamlit as st

from pages.ui.cohort import rows as cohort_rows
from pages.ui.shell import audit, compute, download, session
from pages.ui.shell.markdown import escape
from pages.ui.shell.prompt_choice import all_prompts
from pages.ui.shell.sidebar import CohortChoice, rule_text, rules_of, usual_method
from pages.ui.shell.user import home, user
from zsad_core.base.store import key_of
from zsad_core.base.wording import counted
from zsad_core.cli.evaluate import command
from zsad_core.evaluation import choosing
from zsad_core.evaluation import plan as plans
from zsad_core.evaluation.choosing import EVERY
from zsad_core.evaluation.run import local, run
from zsad_core.evaluation.tasks import NO_PROMPTS, Cohort, Configuration
from zsad_core.inference import pipeline
from zsad_core.methods import configuration_name, name_of
from zsad_core.metrics.threshold_rules import RULES, Fixed, Oracle, Rule, Validation
from zsad_core.results.conventions import Which
from zsad_core.study.file import StudyConventions, as_yaml
from zsad_core.study.saving import study_of
from zsad_core.types import ReadoutSpec, SliceSpec, Split


def evaluation(choice: CohortChoice, root: Path) -> None:
    """Choose, see the plan, start; what runs is shown with its progress, whoever started it."""
    running()
    cohort = _cohort(choice, root)
    if cohort is None:
        return
    offer(cohort)
    if not cohort.data.private:
        with st.expander("Copy as command, save as study file"):
            st.code(command(cohort), language="bash", wrap_lines=True)
            text = _study(choice, cohort)
            st.code(text, language="yaml", wrap_lines=True)
            download.button(
                "Save as study file",
                text,
                "study.yaml",
                key="get-study",
                help="For zsad study run: rows, figures, tables and a report.",
            )


def _study(choice: CohortChoice, cohort: Cohort) -> str:
    """The file of the evaluation with the conventions of the figures."""
    read = StudyConventions(
        empty=choice.readout.empty_slices,
        slices=cast(Which, session.SLICES_IN_MEAN.get()),
        centre=choice.readout.centre,
        exposed=session.Entry(cohort_rows.EXPOSED, False).get(),
    )
    return as_yaml(study_of(cohort, f"Study of {choice.data.place}", read))


def offer(cohort: Cohort, timed: bool = False) -> None:
    """What the evaluation takes, estimated when asked for or at once, and its start."""
    engine = compute.engine()
    known, key = plans.plan(engine, cohort, timed=False), _key(cohort)
    place = st.empty()
    told = compute.job_result(
        f"plan-{key}-{known.maps_evaluated}-{known.volumes_stored}",
        "Estimating the time",
        lambda _: str(plans.plan(compute.engine(), cohort)),
        "" if timed else "Estimate time and disk",
        "pages/4_Cohort.py",
        looks="secondary",
    )
    place.write(escape(told or str(known)))
    job = engine.jobs.find(f"evaluate-{key}")
    if job is not None and job.state == "running":
        return
    if job is not None and job.state == "done":
        st.success("All results of this choice exist: see Figures and Tables.")
    elif job is not None:
        st.warning(escape(job.outcome(user())))
    stopped = job is not None and job.state in ("failed", "cancelled")
    # A callback, since a run that is cut off by the end of a job would lose the click.
    label = "Continue" if stopped else "Evaluate"
    st.button(label, type="primary", key="evaluate", on_click=start, args=(cohort,))


def start(cohort: Cohort) -> None:
    """Evaluate in the background; rows that are there are not made again."""
    engine = compute.engine()
    first, count = cohort.configurations[0], len(cohort.configurations)
    what = _title(first) if count == 1 else counted(count, "configuration")
    title = f"Evaluating {what} on {cohort.data.place}"
    audit.note("evaluation", title)
    compute.start(
        f"evaluate-{_key(cohort)}",
        title,
        lambda progress: run(engine, cohort, local(engine), progress),
        "pages/4_Cohort.py",
    )


def _title(configuration: Configuration) -> str:
    prompts = configuration.prompts
    named = f", '{prompts.name}'," if prompts != NO_PROMPTS else ""
    return f"{configuration_name(configuration.method, configuration.setup)}{named}"


def _key(cohort: Cohort) -> str:
    told = {field.name: getattr(cohort, field.name) for field in fields(cohort)}
    return key_of("", **{**told, "out": str(cohort.out)})


def running() -> None:
    """Every evaluation that runs, whoever started it."""
    for key, job in compute.engine().jobs.running().items():
        if key.startswith("evaluate-"):
            compute.show_job(job)


def _cohort(choice: CohortChoice, root: Path) -> Cohort | None:
    """What the form says; None with a sentence where it lacks something."""
    st.caption(
        f"Data and modality, from the sidebar: {escape(choice.data.place)}, "
        f"{choice.modality}. Stored features and existing results are reused."
    )
    left, right = st.columns(2)
    with left:
        configurations = _configurations(choice)
    with right:
        split, names = _subjects(choice)
        rules = _rules(choice)
    if not configurations or not rules:
        st.info("Choose methods with available setups, and at least one threshold rule.")
        return None
    return Cohort(
        data=choice.data,
        configurations=configurations,
        out=root,
        split=split,
        names=names,
        modality=choice.modality,
        rules=rules,
        readout=ReadoutSpec(  # the conventions are chosen after the fact
            brain_only=choice.readout.brain_only,
            min_component_voxels=choice.readout.min_component_voxels,
        ),
    )


def _configurations(choice: CohortChoice) -> tuple[Configuration, ...]:
    volumes = len(pipeline.set_of(choice.subjects, choice.modality))
    available, _ = choosing.pairs((), (), volumes, choice.data)
    offered_methods = list(dict.fromkeys(name for name, _ in available))
    method = session.METHOD.get()
    chosen = st.multiselect(
        "Methods",
        offered_methods,
        [method if method in offered_methods else usual_method(choice.data)],
        key="cohort-methods",
        format_func=name_of,
        placeholder="All",
    )
    offered = dict.fromkeys(setup for name, setup in available if name in chosen or not chosen)
    wanted = st.multiselect(
        "Setups", list(offered), key="cohort-setups", placeholder="All available"
    )
    pairs, left_out = choosing.pairs(chosen, wanted, volumes, choice.data)
    with_setup = {name for name, _ in pairs}
    lacking = [pair for pair in left_out if pair[0] in chosen and pair[0] not in with_setup]
    if lacking:
        st.caption(escape(choosing.skipped_line(lacking)))
    sets = st.multiselect(
        "Prompt sets", list(all_prompts()), key="cohort-prompts", placeholder="Each method's own"
    )
    return choosing.configurations(pairs, sets, choice.data.region, home())


def _subjects(choice: CohortChoice) -> tuple[Split, tuple[str, ...]]:
    modality = choice.modality
    usable = [one for one in choice.subjects if one.evaluable(modality)]
    splits: list[Split] = [name for name in dict.fromkeys(one.split for one in usable) if name]
    first: Split = "test" if "test" in splits else ""
    every: list[Split] = ["", *splits]
    offered = [first, *(name for name in every if name != first)]
    split = st.selectbox(
        "Split", offered, format_func=lambda name: name or EVERY, key="cohort-split"
    )
    within = [one.id for one in usable if split in ("", one.split)]
    names = st.multiselect(
        "Subjects", within, key="cohort-subjects", placeholder="All of the split"
    )
    return split, tuple(names)


def _rules(choice: CohortChoice) -> tuple[str, ...]:
    offered = rules_of(choice.subjects, SliceSpec(choice.data, modality=choice.modality))
    first = Validation.name if Validation.name in offered else Oracle.name
    names = st.multiselect(
        "Threshold rules",
        offered,
        [first],
        key="cohort-rules",
        format_func=lambda name: RULES[name].title,
    )
    if words := [f"{RULES[name].title}: {RULES[name].basis}" for name in names]:
        st.caption("; ".join(words).capitalize() + ".")
    return tuple(_rule_text(RULES[name]) for name in names)


def _rule_text(rule: Rule) -> str:
    """A rule with the number it takes, which is asked for."""
    if isinstance(rule, Fixed):
        share = st.number_input(
            "Fixed threshold, % of each method's range", 0.0, 100.0, 50.0, key="cohort-share"
        )
        return f"{share:g}%"
    return rule_text(rule, session.RULE_AMOUNT.of(rule.name))
