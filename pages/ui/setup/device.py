"""The Setup page's device section: device, jobs, feature cache."""

import streamlit as st

from pages.ui.setup.users import users
from pages.ui.shell import audit, compute, visitors
from pages.ui.shell.user import user
from zsad_core.base import paths
from zsad_core.cli.doctor import device_lines


def device() -> None:
    """What the work runs on, its users, the jobs, and the feature cache."""
    for line in device_lines(compute.engine().device, compute.engine().precision()):
        st.write(line)
    users()
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
    if (most := paths.added_bytes()) is not None:
        left.caption(
            f"One user may add {most / 2**20:.0f} MB a day (`ZSAD_CACHE_DAY_GB`); you added "
            f"{store.use.of(user()) / 2**20:.0f} MB today."
        )
    if visitors.may_operate() and right.button(
        "Clear cache", help="Features and texts are recomputed when needed."
    ):
        store.clear()
        audit.note("deletion", "feature cache")
        st.rerun()
