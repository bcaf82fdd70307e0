"""User text in places that read markdown."""

import re


def escape(text: str) -> str:
    """Text for a place that reads markdown, shown as it stands."""
    return re.sub(r"([\\`*_\[\]<>$~#|])", r"\\\1", text)
