"""When the viewer takes slice and threshold of the page, and when it keeps the user's."""

import pytest
from streamlit.testing.v1 import AppTest


def script(shown, rule, value):
    import streamlit as st

    from pages.ui.explore.slice_view import VIEWER, _jump
    from pages.ui.shell import session
    from pages.ui.viewer.payload import ViewerState
    from zsad_core.types import Threshold

    session.VIEWER_STATE.of(VIEWER).set(ViewerState(3, shown, True))
    session.LAST_VIEW.set(("a", 0.625, rule))
    st.write(str(_jump("a", Threshold(value, "fixed", "a note"))))


@pytest.mark.parametrize(
    ("shown", "rule", "value", "jumps"),
    [
        (0.625, "validation", 0.5, 1),  # stands in for a rule that is being computed
        (0.55, "validation", 0.55, 0),  # dragged away from a rule's
        (0.55, "fixed", 0.55, 0),
        (0.625, "fixed", 0.5, 1),  # of another range, such as a method's
    ],
)
def test_the_viewer_shows_the_threshold_of_the_page(shown, rule, value, jumps):
    test = AppTest.from_function(script, args=(shown, rule, value)).run()
    assert not test.exception
    assert test.markdown[0].value == str(jumps)
