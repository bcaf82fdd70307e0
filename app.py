"""Start page: what this is, what is loaded, and the way in."""

import streamlit as st

from pages.ui.compute import page
from pages.ui.sidebar import sidebar
from pages.ui.start import start

with page("Start", "🧠"):
    st.title("ZSAD Explorer")
    start(sidebar())
