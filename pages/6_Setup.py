"""Data roots, uploads, weights, training, device, store, and encoding ahead of time."""

from pages.ui.frame import page

with page("Setup"):
    from pages.ui.compute import wait_for_torch

    wait_for_torch()
    from pages.ui.setup import setup

    setup()
