"""A browser is one user, in all its tabs and after a restart; another browser is another."""

import re

from tests.helpers.pages import mark_of

APP = "tests/browser/user_app.py"


def mark(page):
    found = page.get_by_text(re.compile(r"^mark \w{32}$"))
    found.wait_for()
    return found.inner_text()


def test_a_browser_keeps_its_name_and_another_has_its_own(new_page, serve):
    page, url = new_page(), serve(APP).url
    page.goto(url)
    first = mark(page)
    page.wait_for_function("document.cookie.includes('zsad_user=')")
    page.reload()
    assert mark(page) == first
    tab = page.context.new_page()
    tab.goto(url)
    assert mark(tab) == first
    other = new_page()
    other.goto(url)
    assert mark(other) != first


def test_a_tab_takes_over_the_name_that_another_kept_after_it_began(new_page, serve):
    page = new_page()
    page.add_init_script(
        """const Socket = window.WebSocket;
        window.WebSocket = class extends Socket {
            constructor(...given) {
                super(...given);
                this.addEventListener("open", () => { document.cookie = "zsad_user=abc; path=/"; });
            }
        };"""
    )
    page.goto(serve(APP).url)
    page.get_by_text(f"mark {mark_of('abc')}").wait_for()
    assert page.complaints == []
