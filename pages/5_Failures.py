"""A gallery of failure cases, and those that were pinned: ordered, shared, presented one a page."""

from pages.ui.shell.frame import page
from pages.ui.shell.session import FAILURES_SECTION, pick_section

with page("Failures"):
    from pages.ui.failures.gallery import gallery
    from pages.ui.failures.pin_list import choose_whose, nothing, pin_list, pins_home
    from pages.ui.failures.present import addressed_case, invitation, present
    from pages.ui.shell.compute import wait_for_torch
    from pages.ui.shell.sidebar import cohort_sidebar
    from zsad_core.workspace import pins

    all_pins = pins.all_pins(pins_home())
    if number := addressed_case(len(all_pins)):
        wait_for_torch()
        present(all_pins, number)
    else:
        section = pick_section(FAILURES_SECTION, ("Gallery", "Pins", "Present"))
        if section != "Gallery":
            choose_whose()
        if section == "Gallery":
            gallery(cohort_sidebar(asks_modality=False))
        elif section == "Pins":
            wait_for_torch()
            pin_list(all_pins)
        elif all_pins:
            invitation(all_pins)
        else:
            nothing()
