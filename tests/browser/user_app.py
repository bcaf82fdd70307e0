"""Who the browser of this page is."""

import streamlit as st

from pages.ui.shell.user import keep_name, user

keep_name()
st.text(f"mark {user()}")
