"""Dice against brain depth (the paper's Figure 3), for one subject and over all evaluated ones."""

from pages.ui.shell.frame import page

with page("Depth"):
    from pages.ui.depth.page import depth
    from pages.ui.shell.sidebar import sidebar

    depth(sidebar())
