"""Dice against brain depth (the paper's Figure 3), for one subject and over all evaluated ones."""

import streamlit as st

from pages.ui.shell.frame import page
from pages.ui.shell.markdown import escape

SCOPES = ("this subject", "all evaluated subjects")

with page("Depth"):
    from pages.ui.depth import figures
    from pages.ui.shell.sidebar import sidebar

    choice = sidebar()
    left, right = st.columns([2, 3])
    scope = left.segmented_control("Over", SCOPES, default=SCOPES[0], key="scope", required=True)
    with right:
        series = figures.choose_series(choice)
    if not series:
        st.info("Choose at least one series.")
    elif scope == SCOPES[1]:
        figures.of_subjects(choice, series)
    elif choice.subject.has_truth:
        figures.of_subject(choice, series)
    else:
        st.info(f"{escape(choice.subject.id)} has no segmentation, which Dice needs.")
