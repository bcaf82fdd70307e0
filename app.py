"""Start page: what this is, what is loaded, and the way in."""

import streamlit as st

from pages.ui.frame import page

with page("Start"):
    from pages.ui.sidebar import sidebar
    from pages.ui.start import start

    st.title("ZSAD Explorer")
    start(sidebar())
