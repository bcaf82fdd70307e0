"""The Setup page's device section: device, jobs, feature cache."""

import streamlit as st

from pages.ui.shell import compute, visitors
from zsad_core.cli.doctor import device_lines


def device() -> None:
    """What the work runs on, the jobs, and the feature cache."""
    for line in device_lines(compute.engine().device, compute.engine().precision()):
        st.write(line)
    st.subheader("Jobs")
    running = compute.engine().jobs.running()
    for job in running.values():
        compute.show_job(job)
    if not running:
        st.caption("No background jobs.")
    st.subheader("Feature cache")
    store = compute.store()
    left, right = st.columns(2)
    left.metric("Size", f"{store.size_bytes() / 2**20:.0f} MB")
    left.caption(f"At most {store.limit_bytes / 2**30:.0f} GB (`ZSAD_CACHE_GB`); {store.root}")
    if visitors.may_operate() and right.button(
        "Clear cache", help="Features and texts are recomputed when needed."
    ):
        store.clear()
        st.rerun()
