"""The form of an evaluation: what to evaluate, what it takes, its start, progress and end."""

from functools import partial
from pathlib import Path

import streamlit as st

from pages.ui.cohort import rows as cohort_rows
from pages.ui.shell import audit, compute, download, session
from pages.ui.shell.exposed import EXPOSED
from pages.ui.shell.markdown import escape
from pages.ui.shell.prompt_choice import all_prompts, is_private
from pages.ui.shell.sidebar import CohortChoice, rule_text, rule_title, rules_of, usual_method
from pages.ui.shell.user import home
from zsad_core.base.store import key_of
from zsad_core.base.wording import counted, listed
from zsad_core.cli.evaluate import command
from zsad_core.evaluation import choosing
from zsad_core.evaluation import plan as plans
from zsad_core.evaluation.choosing import EVERY
from zsad_core.evaluation.run import local, run
from zsad_core.evaluation.tasks import Cohort, Configuration, subjects_without_file
from zsad_core.inference import pipeline
from zsad_core.methods import configuration_name, name_of
from zsad_core.metrics.threshold_rules import RULES, Fixed, Oracle, Rule, Validation
from zsad_core.study.file import StudyConventions, as_yaml
from zsad_core.study.saving import study_of
from zsad_core.types import SliceSpec, Split

PAGE = "pages/4_Cohort.py"


def evaluation(choice: CohortChoice, root: Path) -> None:
    """Choose, see the plan, start; what runs is shown with its progress, whoever started it."""
    running()
    cohort = _cohort(choice, root)
    if cohort is None:
        return
    if lacking := subjects_without_file(cohort):
        names = listed(lacking)
        st.warning(escape(f"Left out of every method: {names}. {next(iter(lacking.values()))}"))
    offer(cohort)
    if not cohort.data.private:
        with st.expander("Copy as command, save as study file", key="box-study"):
            if private := _private(cohort):
                st.info(escape(f"The command reads what all users see; publish {private} first."))
            st.code(command(cohort), language="bash", wrap_lines=True)
            text = _study(choice, cohort)
            st.code(text, language="yaml", wrap_lines=True)
            what = "For zsad study run: rows, figures, tables and a report."
            download.button("Save as study file", text, "study.yaml", key="get-study", help=what)


def _study(choice: CohortChoice, cohort: Cohort) -> str:
    """The file of the evaluation with the conventions of the figures."""
    read = StudyConventions(
        empty=choice.readout.empty_slices,
        slices=cohort_rows.slices_in_mean(choice.readout.empty_slices),
        centre=choice.readout.centre,
        exposed=session.Entry(EXPOSED, False).get(),
    )
    return as_yaml(study_of(cohort, f"Study of {choice.data.place}", read, home()))


def _private(cohort: Cohort) -> str:
    """The setups and prompt sets of the evaluation that this user alone sees, by name."""
    sets = {one.prompts.name for one in cohort.configurations if is_private(one.prompts.name)}
    own = {configuration_name(one.method, one.setup) for one in cohort.configurations if one.home}
    return listed([*sorted(own), *(f"'{name}'" for name in sorted(sets))])


def offer(cohort: Cohort, timed: bool = False) -> None:
    """What the evaluation takes, estimated when asked for or at once, and its start."""
    engine = compute.engine()
    known, key = plans.plan(engine, cohort, timed=False), _key(cohort)
    place = st.empty()
    estimate = compute.job_result(
        f"plan-{key}-{known.maps_evaluated}-{known.volumes_stored}",
        "Estimating the time",
        lambda _: str(plans.plan(engine, cohort)),
        "" if timed else "Estimate time and disk",
        PAGE,
        looks="secondary",
    )
    place.write(escape(estimate or str(known)))
    job = engine.jobs.find(f"evaluate-{key}")
    if job is not None and job.state == "running":
        return
    if compute.stopped(job):
        st.warning(compute.outcome(job))
    elif job is not None:
        st.success("All results of this choice exist: see Figures and Tables.")
    # A callback, since a run that is cut off by the end of a job would lose the click.
    label = "Continue" if compute.stopped(job) else "Evaluate"
    st.button(label, type="primary", key="evaluate", on_click=_start, args=(cohort,))


def _start(cohort: Cohort) -> None:
    """Evaluate in the background; rows that are there are not made again."""
    engine = compute.engine()
    first, *more = cohort.configurations
    what = configuration_name(first.method, first.setup)
    if more:
        what = counted(len(cohort.configurations), "configuration")
    elif first.prompts.name:
        what += f", '{first.prompts.name}',"
    work = partial(run, engine, cohort, local(engine))
    title = f"Evaluating {what} on {cohort.data.place}"
    audit.note("evaluation", title)
    compute.start(f"evaluate-{_key(cohort)}", title, work, PAGE)


def _key(cohort: Cohort) -> str:
    return key_of("", **{**vars(cohort), "out": str(cohort.out)})


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
        readout=choice.mask,
    )


def _configurations(choice: CohortChoice) -> tuple[Configuration, ...]:
    volumes = len(pipeline.set_of(choice.subjects, choice.modality))
    available, _ = choosing.pairs((), (), volumes, choice.data, home())
    offered = list(dict.fromkeys(name for name, _ in available))
    method = session.METHOD.get()
    first = [method if method in offered else usual_method(choice.data)]
    chosen = st.multiselect("Methods", offered, first, name_of, "cohort-methods", placeholder="All")
    there = list(dict.fromkeys(name for of, name in available if of in chosen or not chosen))
    several = st.multiselect("Setups", there, key="cohort-setups", placeholder="All available")
    pairs, left_out = choosing.pairs(chosen, several, volumes, choice.data, home())
    with_setup = {name for name, _ in pairs}
    lacking = [pair for pair in left_out if pair[0] in chosen and pair[0] not in with_setup]
    if lacking:
        st.caption(escape(choosing.skipped_line(lacking)))
    sets = st.multiselect(
        "Prompt sets", list(all_prompts()), key="cohort-prompts", placeholder="Each method's own"
    )
    return choosing.configurations(pairs, sets, choice.data.region, home())


def _subjects(choice: CohortChoice) -> tuple[Split, tuple[str, ...]]:
    usable = [subject for subject in choice.subjects if subject.evaluable(choice.modality)]
    splits: list[Split] = ["", *(subject.split for subject in usable)]
    offered = list(dict.fromkeys(sorted(splits, key=lambda name: name != "test")))
    split = st.selectbox("Split", offered, 0, lambda name: name or EVERY, key="cohort-split")
    within = [subject.id for subject in usable if split in ("", subject.split)]
    every = "All of the split"
    names = st.multiselect("Subjects", within, key="cohort-subjects", placeholder=every)
    return split, tuple(names)


def _rules(choice: CohortChoice) -> tuple[str, ...]:
    offered = rules_of(choice.subjects, SliceSpec(choice.data, modality=choice.modality))
    first = Validation.name if Validation.name in offered else Oracle.name
    names = st.multiselect("Threshold rules", offered, [first], rule_title, key="cohort-rules")
    if words := [f"{rule_title(name)}: {RULES[name].basis}" for name in names]:
        st.caption("; ".join(words).capitalize() + ".")
    return tuple(_rule_text(RULES[name]) for name in names)


def _rule_text(rule: Rule) -> str:
    """A rule with the number it takes, which is asked for."""
    if isinstance(rule, Fixed):
        label = "Fixed threshold, % of each method's range"
        return f"{st.number_input(label, 0.0, 100.0, 50.0, key='cohort-share'):g}%"
    return rule_text(rule, session.RULE_AMOUNT.of(rule.name))
