"""Search from a bank of phrases on chosen subjects, and its winner judged on held-out ones."""

from dataclasses import asdict, replace
from datetime import date

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui.prompts import subjects as prompt_subjects
from pages.ui.prompts.subjects import counted_in_parts, of_split, slices_read
from pages.ui.shell import compute, session
from pages.ui.shell.markdown import escape
from pages.ui.shell.prompt_choice import edit, lines_of
from pages.ui.shell.sidebar import UserChoice
from pages.ui.shell.user import home, user
from zsad_core.base import settings
from zsad_core.base.store import key_of
from zsad_core.base.wording import counted
from zsad_core.imaging.splits import registry as splits
from zsad_core.inference import evaluation
from zsad_core.lab import prompt_search
from zsad_core.lab.prompt_search import GOALS, Found, Plan
from zsad_core.prompts import sets as prompt_sets
from zsad_core.workspace import phrase_bank

SHOWN = 30  # rows of a ranking
MOST_HELD_OUT = 4  # by default


def search(choice: UserChoice) -> None:
    """The plan in a row; below it the result."""
    plan = _plan(choice)
    if not plan.search:
        st.info(
            "Choose at least one subject to search on; a search chooses on train and validation "
            "subjects alone."
        )
        return
    if not any(prompt_subjects.with_truth(choice).values()):
        st.warning(
            "These data have no split, so nothing keeps test subjects out of the search; make one "
            "on the Setup page, under Splits."
        )
    spec = evaluation.of_subject(choice.map, "")
    st.caption(
        f"{counted(len(plan.phrases), 'phrase')}, at most {plan.size} candidates on "
        f"{counted_in_parts(choice, plan.search)}, starting from '{escape(spec.prompts.name)}', "
        "whose templates and class name are kept."
    )
    result = compute.job_result(
        key_of("", what="search", spec=spec, plan=plan),
        f"Prompt search from '{spec.prompts.name}' for {choice.label}, candidates",
        lambda progress: prompt_search.search(compute.engine(), spec, plan, progress),
        "Search",
        "pages/2_Prompts.py",
    )
    if result is not None:
        _show(result, choice, plan)


def _plan(choice: UserChoice) -> Plan:
    left, middle, right = st.columns(3, gap="large")
    with left:
        usual = of_split(choice, "validation") or of_split(choice, "train", "", most=4)
        searchable = of_split(choice, *prompt_search.SEARCHED)
        chosen = prompt_subjects.choose("Search on", choice, "searched", usual, searchable)
    with middle:
        split = splits.table(choice.data)
        others = [*of_split(choice, "test", ""), *of_split(choice, "validation")]
        others = [name for name in others if not split.shares_patient(name, chosen)]
        usual = others[:MOST_HELD_OUT]
        held_out = prompt_subjects.choose("Evaluate on", choice, "held-out", usual, others)
    bank = phrase_bank.bank(home())
    default = [name for name in bank if name != phrase_bank.EVERYDAY]
    with right:
        goal = st.selectbox("Maximise", list(GOALS), key="goal", format_func=GOALS.__getitem__)
        with st.popover("Phrases", width="stretch", key="box-phrases"):
            groups = st.multiselect("Groups", list(bank), default=default, key="groups")
            st.caption("Your own, one per line")
            _own()
        phrases = phrase_bank.phrases({name: bank[name] for name in groups})
        with st.popover("Search budget", width="stretch", key="box-budget"):
            best = st.slider("Phrases combined per side", 2, 20, 12, key="best")
            most = st.slider("Maximum number of texts added", 0, 12, 6, key="most")
            every = prompt_subjects.every_slice(choice, "search-every")
    return Plan(chosen, held_out, phrases, goal, best, most, every)


def _own() -> None:
    before = phrase_bank.own_phrases(home())
    text = st.text_area("Own", "\n".join(before), label_visibility="collapsed")
    if st.button("Save phrases", width="stretch"):
        phrase_bank.keep(tuple(lines_of(text)), before, home())
        st.rerun()


def _show(result: Found, choice: UserChoice, plan: Plan) -> None:
    _judged(result, choice, plan)
    _winner(result, choice, plan)
    names = ("Steps", "Pairs", "Abnormal phrases", "Normal phrases")
    rankings = (result.steps, result.pairs, result.abnormal, result.normal)
    for tab, ranked in zip(st.tabs(names, key="box-rankings"), rankings, strict=True):
        rows = [(prompts.words, round(prompts.value, 4)) for prompts in ranked[:SHOWN]]
        table = pd.DataFrame(rows, columns=["texts", "on the search subjects"])
        tab.dataframe(table, hide_index=True)
    st.caption(
        f"{counted(result.tried, 'candidate')} evaluated by {GOALS[plan.goal]} over "
        f"{counted_in_parts(choice, plan.search)}, patch by patch on "
        f"{escape(slices_read(choice, plan.every))}."
    )


def _judged(result: Found, choice: UserChoice, plan: Plan) -> None:
    rows = []
    for group, subjects in (("search", plan.search), ("held out", plan.held_out)):
        for when in ("before", "after"):
            if (score := result.judged.get((when, group))) is not None:
                label = f"{group}, {counted_in_parts(choice, subjects)}"
                label += " (tuned on these)" if (when, group) == ("after", "search") else ""
                rows.append((label, when, score.dice, score.best_dice, score.auroc))
    columns = ["subjects", "", "Dice at the search threshold", "best Dice (oracle)", "voxel AUROC"]
    table = pd.DataFrame(rows, columns=columns)
    st.dataframe(table.style.format(precision=3, na_rep="–"), hide_index=True)
    prompt_subjects.warn_of_exposed(choice, plan.held_out)
    if ("after", "held out") not in result.judged:
        st.caption("No subject was held out: the winner's Dice on other subjects is unknown.")


def _winner(result: Found, choice: UserChoice, plan: Plan) -> None:
    winner = result.winner
    if len(result.steps) == 1:
        st.info(f"Nothing better than '{escape(choice.map.prompts.name)}' was found.")
        return
    st.markdown(
        f"**Winner** · normal: {escape(', '.join(winner.normal))} · abnormal: "
        f"{escape(', '.join(winner.abnormal))} · :orange-badge[tuned on "
        f"{counted(len(winner.tuned_on), 'subject')}]"
    )
    place, keep, show = st.columns([3, 1, 1], vertical_alignment="bottom")
    usual, folder = f"found {date.today():%Y-%m-%d}", settings.prompt_folder(home())
    name = place.text_input("Name of the winner", usual, 80, key="winner").strip()
    if keep.button("Save winner", width="stretch", disabled=not name):
        record = _record(result, choice, plan)
        prompt_sets.save(replace(winner, name=name), folder, record, user())
        session.notify("winner", name)
        st.rerun()  # then the sidebar's list has it
    if saved := session.notice("winner"):
        st.success(
            f"'{escape(saved)}' is saved with the record of its search and listed in the sidebar."
        )
    if (own := prompt_sets.user_sets(folder).get(name)) is not None:
        show.button("Show its map", on_click=edit, args=(own,), width="stretch")


def _record(result: Found, choice: UserChoice, plan: Plan) -> dict[str, object]:
    """Plain values that say how a winner was found."""
    return {
        "date": f"{date.today():%Y-%m-%d}",
        "data": choice.data.place,
        "modality": choice.map.features.slices.modality,
        "method": choice.map.method,
        "setup": choice.map.setup,
        "precision": choice.map.features.precision,
        "began_with": choice.map.prompts.name,
        "goal": GOALS[plan.goal],
        "every_kth_slice": plan.every,
        "candidates": result.tried,
        "phrases": len(plan.phrases),
        "search_subjects": list(plan.search),
        "split": choice.data.split,
        "held_out_subjects": list(plan.held_out),
        "numbers": {
            f"{when}, {group}": {k: round(v, 4) for k, v in asdict(score).items()}
            for (when, group), score in result.judged.items()
            if not np.isnan(score.auroc)
        },
    }
