"""What is not ours is shown as it is spelled, wherever markdown is read."""

import pytest

from pages.ui.shell.markdown import JOINER, escape


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("![p](x.png)", r"\!\[p\](x.png)"),
        ("<img src=x> *a* _b_ $c$ ~d~ `e` #f |g", None),
        ("- a", r"\- a"),
        ("a\n+ b", "a\n\\+ b"),
        ("1. a", r"1\. a"),
        ("a\n---", "a\n\\---"),
        ("===", r"\==="),
        ("http://x.example", f"http{JOINER}://x.example"),
        ("HTTPS://x.example", f"HTTPS{JOINER}://x.example"),
        ("www.x.example", f"www{JOINER}.x.example"),
        (":smile: :material/star:", f":{JOINER}smile: :{JOINER}material/star:"),
        ("-0.5 at 12:30:45, 0.25; a-b c+d /data/met", "-0.5 at 12:30:45, 0.25; a-b c+d /data/met"),
    ],
)
def test_marks_of_markdown_are_shown_as_they_stand(text, escaped):
    found = escape(text)
    assert found == (escaped if escaped is not None else found)
    assert found.replace(JOINER, "").replace("\\", "") == text
