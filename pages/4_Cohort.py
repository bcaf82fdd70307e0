"""Many subjects and runs: evaluate them, and see the paper's Figures 1 to 5 and tables."""

from pages.ui.cohort import cohort
from pages.ui.compute import page
from pages.ui.sidebar import sidebar

with page("Cohort", "📊"):
    cohort(sidebar(edit_prompts=False))
