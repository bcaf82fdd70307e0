"""Every trial with its numbers, and a leaderboard that judges prompts where they were not tuned."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui.prompts import subjects as prompt_subjects
from pages.ui.prompts.subjects import of_split, with_truth
from pages.ui.shell import compute
from pages.ui.shell.markdown import escape
from pages.ui.shell.prompt_choice import edit
from pages.ui.shell.sidebar import UserChoice
from pages.ui.shell.thresholds import threshold_of
from zsad_core.base.spreadsheet import as_csv
from zsad_core.base.store import key_of
from zsad_core.base.wording import counted
from zsad_core.inference import evaluation
from zsad_core.inference.pipeline import numbers
from zsad_core.lab import leaderboard
from zsad_core.metrics.thresholds import threshold_text
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import Progress, PromptSet, Threshold
from zsad_core.workspace import history as core
from zsad_core.workspace.history import Trial

NUMBERS = {"dice": "Dice", "best_dice": "best Dice (oracle)", "auroc": "voxel AUROC (brain)"}
CHANGES = {"dice": "Δ Dice", "best_dice": "Δ best", "auroc": "Δ AUROC"}
TUNED = "tuned on these"
TEXTS = ("normal", "abnormal", "templates")
SPLITS = ("validation", "test", "train", "extra")


def history(choice: UserChoice) -> None:
    """Trials or leaderboard; both as CSV."""
    view = st.segmented_control(
        "View", ("Trials", "Leaderboard"), default="Trials", key="history_view", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    if view == "Trials":
        _trials(choice)
    else:
        _leaderboard(choice)


def _trials(choice: UserChoice) -> None:
    left, middle, right = st.columns([2, 2, 1], vertical_alignment="bottom")
    here = left.toggle("This subject only", value=True, key="history_here")
    starred = middle.toggle("Starred only", key="history_starred")
    every = core.trials(choice.data)
    shown = [
        one
        for one in every
        if (not here or one.subject == choice.subject.id) and (one.star or not starred)
    ][::-1]
    if not shown:
        st.info(
            "No trials yet. Prompts shown under Edit are added here once their map is complete."
        )
        return
    table = trials_table(shown, every)
    right.download_button(
        "CSV", as_csv(table), "history.csv", "text/csv", on_click="ignore",
        width="stretch",
    )  # fmt: skip
    event = st.dataframe(
        table.drop(columns=["templates", *(["subject"] if here else [])]).style.format(
            dict.fromkeys(NUMBERS.values(), "{:.3f}") | dict.fromkeys(CHANGES.values(), "{:+.3f}"),
            na_rep="–",
        ),
        hide_index=True,
        placeholder="–",
        width="stretch",
        height=380,
        on_select="rerun",
        selection_mode="single-row",
        key="history_table",
    )
    if rows := event["selection"]["rows"]:
        _one(shown[min(rows[0], len(shown) - 1)])
    else:
        st.caption("Select a row to restore it, star it or add a note.")


def _one(trial: Trial) -> None:
    """What can be done with a trial."""
    prompts = trial.prompts
    st.markdown(
        f"**{escape(prompts.name)}** · normal: {escape(', '.join(prompts.normal))} · abnormal: "
        f"{escape(', '.join(prompts.abnormal))} · {counted(len(prompts.templates), 'template')}"
    )
    note, keep, star, restore = st.columns([4, 1, 1, 1], vertical_alignment="bottom")
    text = note.text_input("Note", trial.note, key=f"note-{trial.id}", max_chars=300)
    if keep.button("Save note", width="stretch") and text != trial.note:
        core.note(trial, text)
        st.rerun()
    if star.button("Unstar" if trial.star else "Star", width="stretch"):
        core.star(trial, not trial.star)
        st.rerun()
    restore.button("Restore", on_click=edit, args=(trial.prompts,), width="stretch", type="primary")


def trials_table(shown: Sequence[Trial], every: Sequence[Trial]) -> pd.DataFrame:
    """A row a trial, with the change since the one before it that can be compared with it."""
    earlier, rows = core.previous(every), []
    for trial in shown:
        before = earlier[trial.id]
        row: dict[str, object] = {
            "★": "★" if trial.star else "",
            "time (UTC)": trial.time[:16].replace("T", " "),
            "prompts": trial.prompts.name,
            "changed": "" if before is None else _changed(before.prompts, trial.prompts),
            "subject": trial.subject,
            "method": f"{trial.method} · {trial.setup}",
            "threshold": _threshold(trial),
        }
        for field, label in NUMBERS.items():
            row[label] = getattr(trial, field)
            old = None if before is None else getattr(before, field)
            row[CHANGES[field]] = np.nan if old is None else getattr(trial, field) - old
        row["tuned"] = TUNED if trial.subject in leaderboard.tuned_on(trial) else ""
        row["note"] = trial.note
        row |= {name: " | ".join(getattr(trial.prompts, name)) for name in TEXTS}
        rows.append(row)
    return pd.DataFrame(rows)


def _changed(before: PromptSet, now: PromptSet) -> str:
    """What of the texts was added (+) and removed (-)."""
    return "; ".join(
        f"{'+' if change == 'added' else '-'} {what}: {text}"
        for change, what, text in prompt_sets.differences(before, now)
    )


def _leaderboard(choice: UserChoice) -> None:
    splits = [split for split in SPLITS if of_split(choice, split)]
    names = [*splits, "all"]
    chosen = st.segmented_control("Subjects", names, default=names[0], key="board", required=True)
    subjects = of_split(choice, chosen) if chosen in splits else list(with_truth(choice))
    slices = choice.map.features.slices
    every = core.trials(choice.data)
    trials = [t for t in every if (t.data, t.modality) == (slices.data, slices.modality)]
    found = leaderboard.standings(trials, subjects)
    if found:
        table = board_table(found)
        numbers = dict.fromkeys([*NUMBERS.values(), "± over subjects"], "{:.3f}")
        st.dataframe(
            table.style.format(numbers, na_rep="–"),
            hide_index=True,
            placeholder="–",
            width="stretch",
            height=340,
        )
        st.download_button("CSV", as_csv(table), "leaderboard.csv", "text/csv")
        st.caption(
            "Means over the subjects on which the prompts were not tuned. A set is tuned on a "
            "subject if a search used its ground truth, or if its texts were edited while its "
            "numbers were shown. Sorted by best Dice; Dice is at the threshold of each trial."
        )
    else:
        st.info("No prompt set has been tried on these subjects yet.")
    _judge(choice, tuple(subjects))


def _threshold(trial: Trial) -> str:
    if trial.threshold is None and trial.level is None:
        return f"{trial.rule}, not computed"
    if trial.threshold is None:
        return f"{trial.rule}, level {trial.level} of 255, ranked on 256 levels"
    return f"{trial.rule}, {threshold_text(trial.threshold)}"


def board_table(found: Sequence[leaderboard.Standing]) -> pd.DataFrame:
    """A row a prompt set, with where it was tuned."""
    rows = []
    for one in found:
        row = {
            "prompts": one.prompts.name,
            "method": f"{one.method} · {one.setup}",
            "evaluated on": len(one.judged),
            TUNED: len(one.tuned),
        }
        row |= {label: getattr(one, field) for field, label in NUMBERS.items()}
        rows.append({**row, "± over subjects": one.deviation})
    return pd.DataFrame(rows)


def _judge(choice: UserChoice, subjects: Sequence[str]) -> None:
    """Evaluate the shown prompts on every subject of the set; each becomes a trial."""
    chosen = prompt_subjects.choose(
        "Evaluate the current prompts on", choice, "judged", [*subjects][:6]
    )
    stack = compute.stack(choice.map)
    threshold, waiting = threshold_of(choice, stack, None)
    if waiting is not None:
        compute.show_job(waiting)
    elif chosen:
        spec = choice.map
        compute.job_result(
            key_of("", what="judge", spec=spec, subjects=chosen, threshold=threshold.value),
            f"Evaluating '{spec.prompts.name}' for {choice.label}, subjects",
            lambda progress: _judged(choice, chosen, threshold, progress),
            f"Evaluate '{escape(spec.prompts.name)}' at {threshold_text(threshold.value)} "
            f"({threshold.rule})",
            "pages/2_Prompts.py",
        )


def _judged(
    choice: UserChoice, subjects: Sequence[str], threshold: Threshold, progress: Progress
) -> int:
    engine = compute.engine()
    for done, subject in enumerate(subjects):
        progress(done, len(subjects))
        spec = evaluation.of_subject(choice.map, subject)
        found = numbers(
            engine, spec, choice.readout, threshold, lambda *_, at=done: progress(at, len(subjects))
        )
        core.add(spec, found, threshold)
    return len(subjects)
