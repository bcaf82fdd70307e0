"""The prompt lab: edit texts and see map and numbers change, search for better ones, doubt them."""

from pages.ui.shell.frame import page

with page("Prompts"):
    from pages.ui.prompts.page import OF_SCAN, prompt_lab, section
    from pages.ui.shell.sidebar import sidebar

    chosen = section()
    choice = sidebar(edit_prompts=chosen != "Edit", shows_scan=chosen in OF_SCAN)
    prompt_lab(choice, chosen)
