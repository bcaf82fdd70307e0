"""User text in places that read markdown."""

import re

MARKS = re.compile(r"([\\`*_\[\]<>$~#|!])")
BULLETS = re.compile(r"^(\s*)([-+=])(?=[\s=-]|$)", re.MULTILINE)
COUNTS = re.compile(r"^(\s*\d+)([.)])(?=\s|$)", re.MULTILINE)
FOUND_LATER = re.compile(
    r"(?<=https)(?=://)|(?<=http)(?=://)|(?<=www)(?=\.)|(?<=:)(?=[a-z+-][\w+/-]*:)", re.IGNORECASE
)
"""Links and emoji, which are looked for after all marks were read: no mark keeps them off."""
JOINER = "\u2060"  # of no width


def escape(text: str) -> str:
    """Text for a place that reads markdown, shown as it stands: no picture, link, list or emoji."""
    text = MARKS.sub(r"\\\1", text)
    text = COUNTS.sub(r"\1\\\2", BULLETS.sub(r"\1\\\2", text))
    return FOUND_LATER.sub(JOINER, text)
