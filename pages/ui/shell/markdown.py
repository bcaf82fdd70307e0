"""User text in places that read markdown."""

import re

from zsad_core.base.markdown import escape_marks

BULLETS = re.compile(r"^(\s*)([-+=])(?=[\s=-]|$)", re.MULTILINE)
COUNTS = re.compile(r"^(\s*\d+)([.)])(?=\s|$)", re.MULTILINE)
FOUND_LATER = re.compile(
    r"(?<=https)(?=://)|(?<=http)(?=://)|(?<=www)(?=\.)|(?<=:)(?=[a-z+-][\w+/-]*:)", re.IGNORECASE
)
"""Links and emoji, which are looked for after all marks were read: no mark keeps them off."""
JOINER = "\u2060"  # of no width


def escape(text: str) -> str:
    """Text for a place that reads markdown, shown as it stands: no picture, link, list or emoji."""
    text = COUNTS.sub(r"\1\\\2", BULLETS.sub(r"\1\\\2", escape_marks(text)))
    return FOUND_LATER.sub(JOINER, text)
