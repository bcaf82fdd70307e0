"""Start page: what this is, what is loaded, and the way in."""

from pages.ui.frame import page
from pages.ui.welcome import welcome

with page("Start", welcome):
    from pages.ui.sidebar import selection
    from pages.ui.start import start

    start(selection())
