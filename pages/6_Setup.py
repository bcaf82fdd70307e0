"""Data roots, uploads, weights, training, device, store, and encoding ahead of time."""

from pages.ui.compute import page
from pages.ui.setup import setup

with page("Setup", "🔧"):
    setup()
