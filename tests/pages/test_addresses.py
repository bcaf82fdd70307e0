"""Addresses that nobody would write: passed over, whatever stands in them."""

import pytest

from tests.helpers.pages import address, at, shown, widget

EXPLORE = "pages/1_Explore.py"


@pytest.mark.parametrize(
    ("page", "query"),
    [
        (EXPLORE, {"level": "abc"}),
        (EXPLORE, {"level": "9" * 5000}),
        (EXPLORE, {"threshold": "nan"}),
        (EXPLORE, {"threshold": ""}),
        (EXPLORE, {"slice": "²"}),
        (EXPLORE, {"slice": "9" * 5000}),
        ("pages/5_Failures.py", {"case": "9" * 5000}),
        (EXPLORE, {"method": "winclip", "normal_slices": "x:" + "9" * 4400}),
    ],
    ids=lambda one: (
        one if isinstance(one, str) else "-".join(f"{k}={v[:6]}" for k, v in one.items())
    ),
)
def test_what_an_address_holds_ends_no_page(small_demo, page, query):
    test = at(page)
    for name, value in {"method": "intensity", **query}.items():
        test.query_params[name] = value
    shown(test)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("data", "data 'absent' (shown instead: demo)"),
        ("subject", "subject 'absent'"),
        ("method", "method 'absent'"),
        ("setup", "training setup 'absent'"),
        ("modality", "modality 'absent'"),
        ("prompts", "prompts 'absent'"),
        ("rule", "threshold rule 'absent'"),
    ],
)
def test_a_link_says_what_it_asked_for_and_what_is_shown_instead(small_demo, name, words):
    test = at("app.py")
    for key, value in {"data": "demo-2mm:", "method": "winclip", name: "absent"}.items():
        test.query_params[key] = value
    shown(test)
    # The start page may warn too, of a job that another test ended.
    warnings = [warning.value.replace("\\", "") for warning in test.main.warning]
    assert sum(words in warning for warning in warnings) == 1


def test_texts_stay_in_the_address_of_a_page_that_shows_none(small_demo):
    texts = {"prompts": "appearance", "normal": "my own words", "abnormal": "a hole"}
    test = at("pages/6_Setup.py")
    for key, value in {"data": "demo-2mm:", "method": "winclip", **texts}.items():
        test.query_params[key] = value
    shown(test)
    assert {key: address(test)[key] for key in texts} == {k: [v] for k, v in texts.items()}


def test_our_script_alone_writes_the_address(small_demo):
    """Before it runs in the browser, what Streamlit writes is a further step of its history."""
    test = at("pages/6_Setup.py")
    test.query_params["method"] = "winclip"
    shown(shown(test))
    assert {**test.query_params} == {"method": "winclip"}
    test.session_state["method"] = "intensity"
    shown(test)
    assert address(test)["method"] == ["intensity"]
    assert {**test.query_params} == {"method": "winclip"}


@pytest.mark.parametrize("page", [EXPLORE, "pages/3_Depth.py"])
def test_what_a_browser_still_holds_of_a_widget_undoes_no_choice(small_demo, page):
    """Another method brings setup and prompts of its own, of which the browser may not know yet."""
    test = shown(at(EXPLORE, data="demo-2mm:", method="winclip"))
    names = ("selectbox", "multiselect", "number_input", "slider", "toggle", "checkbox")
    for one in [one for name in (*names, "text_area", "text_input") for one in test.get(name)]:
        one.set_value(one.value)
    held = widget(test.selectbox, "method").set_value("aprilgan")
    shown(test)
    chosen = {"method": ["aprilgan"], "setup": ["brats"], "prompts": ["aprilgan"]}
    assert address(test) == {**address(test), **chosen}
    test.switch_page(page)
    held.run()  # what was on the page when the method was chosen is sent once more
    assert address(test) == {**address(test), **chosen}
    widget(test.selectbox, "prompts").set_value("medical")
    assert address(shown(test))["prompts"] == ["medical"]
