"""Many subjects and runs: evaluate them, and see the paper's Figures 1 to 5 and tables."""

from pages.ui.shell.frame import page

with page("Cohort"):
    from pages.ui.cohort.page import cohort
    from pages.ui.shell.sidebar import sidebar

    cohort(sidebar(edit_prompts=False, shows_scan=False))
