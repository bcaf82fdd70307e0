"""Dice against brain depth (the paper's Figure 3), for one subject and over all evaluated ones."""

from pages.ui.frame import page

with page("Depth"):
    from pages.ui.depth import depth
    from pages.ui.sidebar import sidebar

    depth(sidebar())
