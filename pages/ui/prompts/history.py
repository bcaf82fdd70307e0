"""Every trial with its numbers, and a leaderboard that judges prompts where they were not tuned."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui.prompts import subjects as prompt_subjects
from pages.ui.prompts.subjects import counted_in_parts, of_split, with_truth
from pages.ui.shell import compute, download
from pages.ui.shell.deletion import delete_button
from pages.ui.shell.exposed import include_exposed
from pages.ui.shell.markdown import escape
from pages.ui.shell.prompt_choice import EDITED, all_prompts, edit
from pages.ui.shell.sidebar import UserChoice
from pages.ui.shell.thresholds import threshold_of
from pages.ui.shell.user import home, user, whose
from zsad_core.base.spreadsheet import as_csv
from zsad_core.base.store import key_of
from zsad_core.base.wording import counted, listed
from zsad_core.errors import ZsadError
from zsad_core.imaging.splits import registry as split_tables
from zsad_core.imaging.splits.tables import SplitTable
from zsad_core.inference import evaluation, pipeline
from zsad_core.inference.exposure import exposure
from zsad_core.inference.pipeline import numbers
from zsad_core.inference.sources import resolve
from zsad_core.lab import leaderboard
from zsad_core.methods import configuration_name
from zsad_core.metrics import intervals
from zsad_core.metrics.thresholds import threshold_text
from zsad_core.prompts import sets as prompt_sets
from zsad_core.report.table_text import HIGH, LOW
from zsad_core.types import Progress, PromptSet, Threshold
from zsad_core.workspace import history as core
from zsad_core.workspace.history import Trial

CHANGES = {"dice": "Δ Dice", "best_dice": "Δ best", "auroc": "Δ AUROC"}
TUNED, MASK = "tuned on these", "mask"
TEXTS = ("normal", "abnormal", "templates")
NARROW = {  # in pixels, so that the numbers are in view beside them
    "★": st.column_config.Column(width=40),
    "changed": st.column_config.Column(width=150),
}
SPLITS = ("validation", "test", "train", "extra")
Exposures = dict[tuple[str, str, str], tuple[str, ...]]
RULE_NOTES = {
    "validation": ", which was tuned on the validation subjects",
    "oracle": ", which uses the ground truth of each subject",
}


def _numbers(region: str) -> dict[str, str]:
    """Fields of trials and standings, as tables of scans of a region name them."""
    return {
        "dice": "3D Dice",
        "best_dice": "best Dice (oracle)",
        "auroc": f"voxel AUROC ({region})",
    }


def history(choice: UserChoice) -> None:
    """Trials or leaderboard; both as CSV."""
    views = {"Trials": _trials, "Leaderboard": _leaderboard}
    view = st.segmented_control(
        "View",
        list(views),
        default="Trials",
        key="history_view",
        required=True,
        label_visibility="collapsed",
    )
    views[view](choice)


def _trials(choice: UserChoice) -> None:
    left, middle, right = st.columns([2, 2, 1], vertical_alignment="bottom")
    here = left.toggle("This subject only", value=True, key="history_here")
    starred = middle.toggle("Starred only", key="history_starred")
    every = core.trials(choice.data, home())
    shown = [
        trial
        for trial in reversed(every)
        if (not here or trial.subject == choice.subject.id) and (trial.star or not starred)
    ]
    if not shown:
        st.info(
            "No trials yet. Prompts shown under Edit are added here once their map is complete."
        )
        return
    tuned = leaderboard.tuned_subjects(core.all_trials(choice.data, home()))
    split = split_tables.table(choice.data)
    table = trials_table(shown, every, tuned, split, choice.data.region)
    with right:
        download.button("CSV", as_csv(table), "history.csv", width="stretch")
    formats: dict[Any, Any] = dict.fromkeys(_numbers(choice.data.region).values(), "{:.3f}")
    formats |= dict.fromkeys(CHANGES.values(), "{:+.3f}")
    ids = [trial.id for trial in shown]
    event = st.dataframe(
        table.style.format(formats, na_rep="–"),
        hide_index=True,
        placeholder="–",
        column_config=NARROW,
        column_order=[name for name in _texts_last(table) if name != "subject" or not here],
        on_select="rerun",
        selection_mode="single-row",
        key=f"history_table-{key_of('', trials=ids)}",  # a row is selected in these rows only
    )
    if rows := event["selection"]["rows"]:
        _one(shown[rows[0]], core.previous(every)[ids[rows[0]]])
    else:
        st.caption("Select a row to restore, rename, star or delete it, or to add a note.")


def _one(trial: Trial, before: Trial | None) -> None:
    """A trial's texts, what changed in them from the one before it, and what can be done."""
    prompts = trial.prompts
    st.markdown(
        f"**{escape(prompts.name)}** · normal: {escape(', '.join(prompts.normal))} · abnormal: "
        f"{escape(', '.join(prompts.abnormal))} · {counted(len(prompts.templates), 'template')}"
    )
    if before is not None and (changes := _changed(before.prompts, prompts)):
        st.markdown(f"Changed from '{escape(before.prompts.name)}': {escape(changes)}")
    if not trial.owned_by(user()):
        _restore(st.container(), prompts)
        return
    name, note, *buttons = st.columns([3, 3, 1, 1, 1.5, 1.2], vertical_alignment="bottom")
    new_name = name.text_input("Name", prompts.name, core.LONGEST_NAME, key=f"name-{trial.id}")
    text = note.text_input("Note", trial.note, key=f"note-{trial.id}", max_chars=300)
    if buttons[0].button("Save", width="stretch"):
        if text != trial.note:
            core.note(trial, text, user(), home())
        if new_name.strip() != prompts.name:
            core.rename(trial, new_name.strip(), user(), home())
        st.rerun()
    if buttons[1].button("Unstar" if trial.star else "Star", width="stretch"):
        core.star(trial, not trial.star, user(), home())
        st.rerun()
    of = f"'{escape(prompts.name)}' on {escape(trial.subject)}"
    delete = partial(core.delete, trial, user(), home())
    with buttons[2]:
        what = f"trial of '{prompts.name}' on {trial.subject}"
        delete_button(f"Delete the trial of {of} for everybody?", delete, trial.id, what)
    _restore(buttons[3], prompts)


def _restore(place: DeltaGenerator, prompts: PromptSet) -> None:
    place.button("Restore", type="primary", on_click=edit, args=(prompts,), width="stretch")


def trials_table(
    shown: Sequence[Trial],
    every: Sequence[Trial],
    tuned: Mapping[str, set[str]],
    split: SplitTable,
    region: str,
) -> pd.DataFrame:
    """A row a trial, with the change since the one before it that can be compared with it.

    `tuned` are the subjects of `leaderboard.tuned_subjects`, `split` is that of the data, `region`
    what the scans show.
    """
    earlier, rows = core.previous(every), []
    for trial in shown:
        before = earlier[trial.id]
        row: dict[str, object] = {
            "★": "★" if trial.star else "",
            "time (UTC)": trial.time[:16].replace("T", " "),
            "prompts": trial.prompts.name,
            **_words(trial.prompts),
            "changed": "" if before is None else _changed(before.prompts, trial.prompts),
            "subject": trial.subject,
        }
        for field, label in _numbers(region).items():
            row[label] = getattr(trial, field)
            old = None if before is None else getattr(before, field)
            row[CHANGES[field]] = np.nan if old is None else getattr(trial, field) - old
        row["method"] = configuration_name(trial.method, trial.setup)
        row |= {"threshold": _threshold(trial), MASK: _mask(trial.mask, region)}
        row["tuned"] = TUNED if split.shares_patient(trial.subject, tuned[trial.content]) else ""
        row |= {"note": trial.note, "whose": whose(trial.owner)}
        rows.append(row)
    return _with_masks(rows)


def _mask(mask: tuple[bool, int], region: str) -> str:
    """How a mask was made where that is not the usual way."""
    brain_only, smallest = mask
    words = [] if brain_only else [f"also outside the {region}"]
    words += [f"components of {smallest} voxels or more"] if smallest else []
    return ", ".join(words)


def _with_masks(rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """A table of these rows, with their masks where one was not made in the usual way."""
    table = pd.DataFrame(rows)
    return table if len(table) and table[MASK].any() else table.drop(columns=MASK, errors="ignore")


def _texts_last(table: pd.DataFrame) -> list[str]:
    """The columns as shown: what changed stands beside the name; texts, which are long, last."""
    texts = ["normal", "abnormal"]
    return [name for name in table.columns if name not in (*texts, "templates")] + texts


def _words(prompts: PromptSet) -> dict[str, str]:
    return {name: " | ".join(getattr(prompts, name)) for name in TEXTS}


def _changed(before: PromptSet, now: PromptSet) -> str:
    """What of the texts was added (+) and removed (-)."""
    return "; ".join(
        f"{'+' if change == 'added' else '-'} {what}: {text}"
        for change, what, text in prompt_sets.differences(before, now)
    )


def _leaderboard(choice: UserChoice) -> None:
    slices = choice.map.features.slices
    every = core.all_trials(choice.data, home())
    trials = [t for t in every if (t.data, t.modality) == (slices.data, slices.modality)]
    splits = [split for split in SPLITS if of_split(choice, split)]
    names, rules = [*splits, "all"], sorted({choice.rule, *(trial.rule for trial in trials)})
    left, right = st.columns(2)
    chosen = left.segmented_control("Subjects", names, default=names[0], key="board", required=True)
    rule = right.segmented_control(
        "Threshold rule", rules, default=choice.rule, key="board-rule", required=True
    )
    subjects = of_split(choice, chosen) if chosen in splits else list(with_truth(choice))
    split = split_tables.table(choice.data)
    of_rule = [t for t in trials if t.subject in subjects and t.rule == rule and not t.deleted]
    with st.spinner("Comparing scans …", show_time=True):
        seen = _exposed(choice, of_rule, rule)
    included = include_exposed(sorted({name for *_, name in seen}))
    standings = leaderboard.standings(trials, subjects, rule, split, seen.keys(), included)
    if standings:
        table = board_table(standings, all_prompts(), choice.data.region)
        numbers = [*table][[*table].index(TUNED) + 1 :]
        formats: dict[Any, Any] = dict.fromkeys(numbers, "{:.3f}")
        st.dataframe(
            table.style.format(formats, na_rep="–"),
            hide_index=True,
            placeholder="–",
            column_config=NARROW,
            column_order=_texts_last(table),
        )
        if all_exposed := _all_exposed(standings, seen):
            st.info(escape(all_exposed))
        download.button("CSV", as_csv(table), "leaderboard.csv")
        st.caption(
            f"{counted_in_parts(choice, subjects)}. Sorted by mean 3D Dice under the rule "
            f"'{rule}'{RULE_NOTES.get(rule, '')}. Means over the subjects on which the prompts "
            f"were not tuned, exposed ones {'included' if included else 'left out'}. "
            "A set is tuned on a subject if a search used its ground truth, or if its texts were "
            f"edited while its numbers were shown. Low and high: {intervals.WORDS}."
        )
    else:
        st.info(f"No prompt set has been tried on these subjects under the rule '{rule}' yet.")
    tuned = leaderboard.tuned_subjects(trials).get(core.content_of(choice.map.prompts), set())
    tuned |= {*choice.map.prompts.tuned_on}
    untuned = [name for name in subjects if not split.shares_patient(name, tuned)]
    _judge(choice, chosen, untuned)


def _all_exposed(standings: Sequence[leaderboard.Standing], seen: Exposures) -> str:
    """Why sets have no mean, and what to choose, where all their subjects are exposed; else ""."""
    empty = [one for one in standings if one.exposed and not one.judged]
    if not empty:
        return ""
    keys = [(one.method, one.setup, name) for one in empty for name in one.exposed]
    names = listed(sorted({name for *_, name in keys}))
    reasons = ", ".join(dict.fromkeys(reason for key in keys for reason in seen[key]))
    return (
        f"No mean where 'evaluated on' is 0: exposed subjects are left out ({names}: {reasons}); "
        "choose other subjects or another threshold rule, or include exposed subjects."
    )


def _exposed(choice: UserChoice, trials: Iterable[Trial], rule: str) -> Exposures:
    """What has seen the subject, by method, setup and subject of trials: checkpoint or rule."""
    seen, engine = Exposures(), compute.engine()
    for method, setup, subject in {(one.method, one.setup, one.subject) for one in trials}:
        spec = evaluation.of_subject(choice.map, subject)
        spec = replace(spec, prompts=replace(spec.prompts, tuned_on=()), references=(), volumes=())
        # A setup that is gone, or a subject: nothing can be known of it.
        with contextlib.suppress(ZsadError):
            one = pipeline.beside(engine, spec, method, setup, spec.prompts, home())
            if by := exposure(resolve(engine, one), Threshold(0.0, rule, "")):
                seen[method, setup, subject] = by
    return seen


def _threshold(trial: Trial) -> str:
    if trial.threshold is not None:
        return f"{trial.rule}, {threshold_text(trial.threshold)}"
    if trial.level is not None:
        return f"{trial.rule}, level {trial.level} of 255, ranked on 256 levels"
    return f"{trial.rule}, not computed"


def board_table(
    standings: Sequence[leaderboard.Standing], known: Mapping[str, PromptSet], region: str
) -> pd.DataFrame:
    """A row a prompt set: its texts, what differs in them from the set it is named after, numbers.

    `known` are the saved and shipped sets by name.
    """
    rows = []
    for standing in standings:
        prompts, threshold = standing.prompts, standing.threshold
        row: dict[str, object] = {
            "prompts": prompts.name,
            **_words(prompts),
            "changed": _changed(known.get(prompts.name.removesuffix(EDITED), prompts), prompts),
            "method": configuration_name(standing.method, standing.setup),
            **({} if threshold is None else {"threshold": threshold_text(threshold)}),
            MASK: _mask(standing.mask, region),
            "evaluated on": len(standing.judged),
            "exposed": len(standing.exposed),
            TUNED: len(standing.tuned),
        }
        for field, label in _numbers(region).items():
            low, high = standing.intervals[field]
            row |= {label: getattr(standing, field), label + LOW: low, label + HIGH: high}
        rows.append({**row, "± over subjects": standing.deviation})
    return _with_masks(rows)


def _judge(choice: UserChoice, part: str, subjects: Sequence[str]) -> None:
    """Evaluate the shown prompts, by default on some of these of a part; each becomes a trial."""
    label = "Evaluate the current prompts on"
    chosen = prompt_subjects.choose(label, choice, f"judged-{part}", subjects[:6])
    threshold, waiting = threshold_of(choice, compute.stack(choice.map), None)
    if waiting is not None:
        compute.show_job(waiting)
    elif chosen:
        spec = choice.map
        compute.job_result(
            key_of("", what="judge", spec=spec, subjects=chosen, threshold=threshold.value),
            f"Evaluating '{spec.prompts.name}' for {choice.label}, subjects",
            partial(_judged, choice, chosen, threshold, user(), home()),
            f"Evaluate '{escape(spec.prompts.name)}' at {threshold_text(threshold.value)} "
            f"({threshold.rule})",
            "pages/2_Prompts.py",
        )


def _judged(
    choice: UserChoice,
    subjects: Sequence[str],
    threshold: Threshold,
    owner: str,
    home: Path,
    progress: Progress,
) -> int:
    for done, subject in enumerate(subjects):
        step = compute.at_step(progress, done, len(subjects))
        spec = evaluation.of_subject(choice.map, subject)
        read = numbers(compute.engine(), spec, choice.readout, threshold, step)
        core.add(spec, read, threshold, owner=owner, home=home, mask=choice.readout)
    return len(subjects)
