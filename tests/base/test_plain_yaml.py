"""YAML of users is text of a bounded size."""

import pytest

from zsad_core.base import plain_yaml


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: [", "is not readable YAML"),
        (b"\xff", "is not readable YAML"),
        (b"- a", "holds no names with values"),
        (b"a: " + b"x" * plain_yaml.LARGEST, "has more than"),
        (b"a: &a [x, x, x, x]\n" + b"b: [" + b"*a, " * 5000 + b"]", "holds more than 20000 values"),
    ],
)
def test_what_cannot_be_read_is_said(content, words):
    with pytest.raises(ValueError, match=words):
        plain_yaml.mapping(content)


def test_every_value_is_text():
    assert plain_yaml.mapping(b"a: no\nb: 12:30:45\nc: [1, null]") == {
        "a": "no",
        "b": "12:30:45",
        "c": ["1", "null"],
    }
