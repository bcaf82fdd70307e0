"""Data roots, uploads, weights, training, device, store, and encoding ahead of time."""

from pages.ui.frame import page

with page("Setup"):
    from pages.ui.setup import setup

    setup()
