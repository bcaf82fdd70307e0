"""What the start page shows at once, before the core is imported."""

import streamlit as st

from pages.ui.shell.frame import PAGES

WHAT = (
    "See what CLIP calls abnormal in a 3D brain MRI, slice by slice, with truth and prediction "
    "laid over it.  \nEdit the prompts and watch the map change; read Dice against brain depth.  \n"
    "Find the cases where zero-shot anomaly detection fails, and show them."
)
WAYS = {
    "pages/1_Explore.py": "scrub slices with the prediction laid over them",
    "pages/2_Prompts.py": "edit texts and see the map change",
    "pages/3_Depth.py": "read Dice against brain depth",
    "pages/4_Cohort.py": "many subjects and runs, figures and tables",
    "pages/5_Failures.py": "the worst cases by kind, pinned and presented",
    "pages/6_Setup.py": "your data, weights, device and cache",
}


def welcome() -> None:
    """Three lines and a way into each page."""
    st.title("ZSAD Explorer")
    st.markdown(WHAT)
    for column, (path, what) in zip(st.columns(len(WAYS)), WAYS.items(), strict=True):
        with column.container(border=True):
            st.page_link(path, label=f"**{PAGES[path]}**")
            st.caption(what)
