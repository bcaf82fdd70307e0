"""Data roots, uploads, weights, training, device, cache, and encoding ahead of time."""

from collections.abc import Callable

import streamlit as st

from pages.ui.shell.frame import page

OF_VIEWERS = ("Data", "Weights", "Device and cache")

with page("Setup"):
    from pages.ui.shell import visitors
    from pages.ui.shell.compute import wait_for_torch

    wait_for_torch()
    from pages.ui.setup.data_roots import data_roots
    from pages.ui.setup.device import device
    from pages.ui.setup.pre_encode import pre_encode
    from pages.ui.setup.predictions import predictions
    from pages.ui.setup.splits import splits
    from pages.ui.setup.training import training
    from pages.ui.setup.weights import weights
    from pages.ui.shell.sidebar import sidebar

    # Data roots can be mended even when no subject is usable, so most sections draw no sidebar.
    sections: dict[str, Callable[[], None]] = {
        "Data": data_roots,
        "Splits": splits,
        "Predictions": predictions,
        "Weights": weights,
        "Train": training,
        "Device and cache": device,
        "Pre-encode": lambda: pre_encode(sidebar(shows_scan=False)),
    }
    if not visitors.may_operate():
        sections = {name: sections[name] for name in OF_VIEWERS}
    section = st.segmented_control(
        "Section",
        list(sections),
        default="Data",
        key="section",
        label_visibility="collapsed",
        required=True,
    )
    sections[section]()
