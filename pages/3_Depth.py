"""Dice against brain depth (the paper's Figure 3), for one subject and over all evaluated ones."""

from pages.ui.compute import page
from pages.ui.depth import depth
from pages.ui.sidebar import sidebar

with page("Depth", "📈"):
    depth(sidebar())
