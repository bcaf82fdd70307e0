"""A gallery of failure cases, and those that were pinned: ordered, shared, presented one a page."""

from pages.ui.shell.frame import page

with page("Failures"):
    from pages.ui.failures.page import failures

    failures()
