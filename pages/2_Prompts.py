"""The prompt lab: edit texts and see map and numbers change, the old beside the new."""

from pages.ui.compute import page
from pages.ui.prompt_lab import prompt_lab
from pages.ui.sidebar import sidebar

with page("Prompts", "✏️"):
    prompt_lab(sidebar(edit_prompts=False))
