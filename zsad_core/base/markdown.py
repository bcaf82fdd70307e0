"""Text of users in Markdown."""

import re

MARKS = re.compile(r"([\\`*_\[\]<>$~#|!])")


def escape_marks(text: str) -> str:
    r"""The text with a backslash before each character that Markdown or HTML inside it may read.

    >>> print(escape_marks("![x](a_b)<img>"))
    \!\[x\](a\_b)\<img\>
    """
    return MARKS.sub(r"\\\1", text)
