"""Is it the prompt at all? Random text pairs beside the prompt, for one subject or several."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui.prompts import subjects as prompt_subjects
from pages.ui.prompts.charts import random_figure
from pages.ui.shell import compute
from pages.ui.shell.markdown import escape
from pages.ui.shell.sidebar import UserChoice
from pages.ui.shell.user import home
from zsad_core.base.store import key_of
from zsad_core.base.wording import counted
from zsad_core.inference import evaluation
from zsad_core.lab import null_test as core
from zsad_core.lab.null_test import NullTest, Place, place
from zsad_core.types import FloatArray, Split
from zsad_core.workspace import phrase_bank

SOURCES = ("the whole phrase bank", phrase_bank.EVERYDAY)
COUNTS = (50, 100, 200, 500)
STANDS_OUT = 0.05
SHORT = {"auroc": "AUROC", "best_dice": "best Dice"}


def null_test(choice: UserChoice) -> None:
    """Controls in a row; below them where the prompt stands among random pairs."""
    st.caption(
        "The same map from random texts, as many a side as the prompt has. A prompt that does not "
        "stand out from them did not find the lesion by its words."
    )
    left, right = st.columns(2, gap="large")
    with left:
        default = [choice.subject.id]
        subjects = prompt_subjects.choose("Subjects", choice, "null-subjects", default)
        words = "Everyday: a cat, Tuesday."
        source = st.selectbox("Random texts from", SOURCES, key="null-source", help=words)
    with right:
        count = st.select_slider("Random pairs", COUNTS, core.PAIRS, key="null-count")
        every = prompt_subjects.every_slice(choice, "null-every")
    if not subjects:
        st.info("Choose at least one subject with a segmentation.")
        return
    bank, prompts = phrase_bank.bank(home()), choice.map.prompts
    texts = phrase_bank.phrases({source: bank[source]} if source in bank else bank)
    sizes = (len(prompts.normal), len(prompts.abnormal))
    pairs = core.random_pairs(prompts, texts, count, sizes=sizes)
    of_any = evaluation.of_subject(choice.map, "")
    result = compute.job_result(
        key_of("", what="null", spec=of_any, subjects=subjects, pairs=pairs, every=every),
        f"Null test of '{prompts.name}' for {choice.label}, {count} pairs on "
        f"{prompt_subjects.counted_in_parts(choice, subjects)}",
        lambda progress: core.null_test(compute.engine(), of_any, subjects, pairs, every, progress),
        f"Compare with {count} random pairs",
        "pages/2_Prompts.py",
    )
    if result is not None:
        _show(result, choice, every)


def _show(result: NullTest, choice: UserChoice, every: int) -> None:
    name, columns, region = choice.map.prompts.name, st.columns(2), choice.data.region
    measures = {f"Voxel AUROC ({region})": "auroc", "Best Dice (oracle)": "best_dice"}
    for column, (label, field) in zip(columns, measures.items(), strict=True):
        random, own = getattr(result, field), getattr(result, f"own_{field}")
        pooled, value = core.over_subjects(random), float(core.over_subjects(own))
        if np.isnan(value):
            column.info("No lesion in the slices read.")
            continue
        rank = place(value, pooled)
        beside = f"above {rank.below:g} of {rank.of} random pairs, p = {rank.p:.3f}"
        column.metric(escape(label), f"{value:.3f}", beside, "off", delta_arrow="off")
        column.plotly_chart(random_figure(pooled, value, label, name), key=f"null-{field}")
        column.caption(_verdict(rank, result, pooled))
    st.dataframe(_table(result, prompt_subjects.with_truth(choice)), hide_index=True)
    prompt_subjects.warn_of_exposed(choice, result.subjects)
    of = prompt_subjects.counted_in_parts(choice, result.subjects)
    st.caption(
        f"Above: mean over {of}, patch by patch inside the {escape(region)} on "
        f"{escape(prompt_subjects.slices_read(choice, every))}. Every random pair has the "
        f"templates and class name of '{escape(name)}', "
        f"{counted(len(result.pairs[0].normal), 'normal text')} and "
        f"{counted(len(result.pairs[0].abnormal), 'abnormal text')}. p counts the prompt itself "
        "among the random pairs."
    )


def _verdict(rank: Place, result: NullTest, pooled: FloatArray) -> str:
    best = result.pairs[int(np.nanargmax(pooled))]
    pair = escape(f"'{', '.join(best.abnormal)}' against '{', '.join(best.normal)}'")
    stands = "stands out from" if rank.p < STANDS_OUT else "does not stand out from"
    return f"The prompt {stands} random words. Best random pair: {pair}, {np.nanmax(pooled):.3f}."


def _table(result: NullTest, part_of: Mapping[str, Split]) -> pd.DataFrame:
    rows = []
    for at, subject in enumerate(result.subjects):
        row: dict[str, object] = {"subject": subject}
        if any(part_of.values()):
            row["split"] = part_of.get(subject, "")
        for field, label in SHORT.items():
            random, own = getattr(result, field)[at], float(getattr(result, f"own_{field}")[at])
            there = place(own, random)
            row[label] = round(own, 3)
            row[f"random {label}, median"] = round(float(np.median(random)), 3)
            row[f"above, {label}"] = f"{there.below:g} of {there.of}" if there.of else "no lesion"
        rows.append(row)
    return pd.DataFrame(rows)
