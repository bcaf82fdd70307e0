"""The prompt lab: edit texts and see map and numbers change, search for better ones, doubt them."""

from pages.ui.frame import page

with page("Prompts"):
    from pages.ui.prompt_lab import prompt_lab, section
    from pages.ui.sidebar import sidebar

    chosen = section()
    prompt_lab(sidebar(edit_prompts=chosen != "Edit"), chosen)
