"""Contrast of the themes' own colours, as WCAG 2.2 (1.4.3 and 1.4.11) counts it."""

import tomllib
from pathlib import Path

import pytest

THEMES = tomllib.loads((Path(__file__).parents[1] / ".streamlit/config.toml").read_text())["theme"]
# Grounds of Streamlit's own where a theme names none.
GROUNDS = {"light": ["#FFFFFF", "#F0F2F6"], "dark": []}
ON_PRIMARY = {"light": "#FFFFFF", "dark": "#0E1117"}  # as frame.STYLE has it
CAPTION = 0.82  # the same


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mixed(colour, ground, share):
    pairs = [(int(colour[i : i + 2], 16), int(ground[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02X}" for a, b in pairs)


def test_the_contrast_is_counted_as_published():
    assert contrast("#FFFFFF", "#000000") == 21
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_text_captions_and_primary_colour_stand_out(name):
    theme = THEMES[name]
    grounds = GROUNDS[name] + [theme[k] for k in theme if k.lower().endswith("backgroundcolor")]
    grounds += [part["backgroundColor"] for part in theme.values() if isinstance(part, dict)]
    assert len(grounds) >= 2
    for ground in grounds:
        assert contrast(theme["textColor"], ground) >= 4.5
        assert contrast(mixed(theme["textColor"], ground, CAPTION), ground) >= 4.5
        assert contrast(theme["primaryColor"], ground) >= 4.5
    assert contrast(ON_PRIMARY[name], theme["primaryColor"]) >= 4.5
