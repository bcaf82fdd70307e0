"""Slices with truth and prediction, and the numbers of the volume."""

from pages.ui.frame import page

with page("Explore"):
    from pages.ui.explore import explore
    from pages.ui.sidebar import sidebar

    explore(sidebar())
