"""What the start page shows at once, before the core is imported."""

import streamlit as st

from pages.ui.shell.frame import PAGES, PURPOSES

WHAT = (
    "See what CLIP calls abnormal in a 3D brain MRI, slice by slice, with truth and prediction "
    "laid over it.  \nEdit the prompts and watch the map change; read Dice against depth.  \n"
    "Find the cases where zero-shot anomaly detection fails, and show them."
)


def welcome() -> None:
    """Three lines and a way into each page."""
    st.title("ZSAD Explorer")
    st.markdown(WHAT)
    for column, (path, purpose) in zip(st.columns(len(PURPOSES)), PURPOSES.items(), strict=True):
        with column.container(border=True, height="stretch"):
            st.page_link(path, label=f"**{PAGES[path]}**")
            st.caption(purpose)
