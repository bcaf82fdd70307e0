"""Start page: what this is, what is loaded, and the way in."""

from pages.ui.shell.frame import page
from pages.ui.start.welcome import welcome

with page("Start", welcome):
    from pages.ui.shell.sidebar import selection
    from pages.ui.start.page import start

    start(selection())
