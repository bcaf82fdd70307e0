"""A gallery of failure cases, and those that were pinned: ordered, shared, presented one a page."""

from pages.ui.compute import page
from pages.ui.failures import failures

with page("Failures", "📌"):
    failures()
