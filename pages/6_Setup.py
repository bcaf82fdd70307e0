"""Data roots, uploads, weights, training, device, cache, and encoding ahead of time."""

from pages.ui.shell.frame import page

with page("Setup"):
    from pages.ui.shell.compute import wait_for_torch

    wait_for_torch()
    from pages.ui.setup.page import setup

    setup()
