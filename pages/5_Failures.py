"""Cases that were pinned, and presenting them one a page."""

from pages.ui.compute import page
from pages.ui.failures import failures

with page("Failures", "📌"):
    failures()
