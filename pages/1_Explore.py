"""Slices with truth and prediction, and the numbers of the volume."""

from pages.ui.compute import page
from pages.ui.explore import explore
from pages.ui.sidebar import sidebar

with page("Explore", "🧠"):
    explore(sidebar())
