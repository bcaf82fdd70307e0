"""The sections of the prompt lab."""

from collections.abc import Callable

from pages.ui.prompts.edit import edit
from pages.ui.prompts.history import history
from pages.ui.prompts.null_test import null_test
from pages.ui.prompts.search import search
from pages.ui.prompts.why import why
from pages.ui.shell.sidebar import UserChoice

SECTIONS: dict[str, Callable[[UserChoice], None]] = {
    "Edit": edit,
    "Search": search,
    "Null test": null_test,
    "History": history,
    "Why": why,
}
OF_SCAN = ("Edit", "Why")  # the sections that show the scan chosen
