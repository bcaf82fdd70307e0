"""Slices with truth and prediction, and the numbers of the volume."""

from pages.ui.shell.frame import page

with page("Explore"):
    from pages.ui.explore.page import explore
    from pages.ui.shell.sidebar import sidebar

    explore(sidebar())
