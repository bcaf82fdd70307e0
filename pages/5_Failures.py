"""A gallery of failure cases, and those that were pinned: ordered, shared, presented one a page."""

from pages.ui.frame import page

with page("Failures"):
    from pages.ui.failures import failures

    failures()
