"""The words of exports: names, titles and numbers in letters that every format can hold."""

import re
import unicodedata

from zsad_core.base.wording import decimals
from zsad_core.exports.reading import Reading
from zsad_core.inference.views import View

PRODUCT = "ZSAD Explorer"
NO_DEVICE = "Research software, not a medical device: not for diagnosis or treatment."
SYNTHETIC = "Synthetic demo scan, not a patient."
UNWRITABLE = ("Cc", "Cs", "Cn")  # control characters, half pairs, no characters: no XML holds them
LONGEST_NAME = 120


def scan_title(reading: Reading, index: int | None) -> str:
    """Subject, modality and one of its slices, counted from 1, or all of them (None)."""
    slices, count = reading.view.map.features.slices, len(reading.stack.image)
    extent = f"all {count} {slices.plane} slices"
    if index is not None:
        extent = f"{slices.plane} slice {index + 1} of {count}"
    return legible(f"{slices.subject} · {slices.modality} · {extent}")


def legible(text: str) -> str:
    r"""Text on one line, without characters that XML cannot hold.

    >>> legible("a\x00b\nc")
    'a b c'
    """
    writable = (" " if unicodedata.category(c) in UNWRITABLE else c for c in text)
    return " ".join("".join(writable).split())


def file_name(view: View, suffix: str, whole: bool = False) -> str:
    """A name for a file of a view, in letters, digits, dot, dash and underscore.

    A file of the `whole` volume names no slice.

    >>> from zsad_core.types import (
    ...     BackboneSpec, FeatureSpec, MapSpec, PromptSet, SliceSpec, Threshold)
    >>> features = FeatureSpec(SliceSpec(subject="../a b"), None, BackboneSpec(), "float32")
    >>> spec = MapSpec(features, "winclip", "zero-shot", PromptSet("", (), ()))
    >>> file_name(View(spec, 70, Threshold(128, "fixed")), ".png")
    'a-b_t2f_axial-071_winclip_zero-shot.png'
    """
    slices = view.map.features.slices
    slice_name = slices.plane if whole else f"{slices.plane}-{view.index + 1:03d}"
    parts = (slices.subject, slices.modality, slice_name, view.map.method, view.map.setup)
    return "_".join(map(safe, parts))[:LONGEST_NAME] + suffix


def safe(text: str) -> str:
    """A part of a file name.

    >>> safe("a/b: ö"), safe("..")
    ('a-b', 'x')
    """
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-.") or "x"


def slice_numbers(reading: Reading, index: int) -> str:
    """Dice and areas of one slice."""
    pixel_mm2 = reading.stack.pixel_mm[0] * reading.stack.pixel_mm[1]
    _, truth, predicted, _ = (int(count) * pixel_mm2 / 100 for count in reading.counts[index])
    area = f"predicted {predicted:.1f} cm²"
    if reading.stack.truth is None:
        return area
    dice = None if reading.readout.dice is None else reading.readout.dice[index]
    return f"2D Dice {decimals(dice)} · truth {truth:.1f} cm² · {area}"


def volume_numbers(reading: Reading) -> str:
    """Dice, AUROC and volumes of the whole scan."""
    result = reading.readout
    volume = f"predicted {result.predicted_ml:.1f} ml"
    if result.dice_3d is None:
        none = "no segmentation" if reading.stack.truth is None else "no lesion in the truth"
        return f"Volume: {volume} ({none}, so no Dice)"
    return (
        f"Volume: 3D Dice {decimals(result.dice_3d)} · "
        f"best Dice {decimals(result.best_dice)} (oracle) · AUROC {decimals(result.auroc)} · "
        f"truth {result.truth_ml:.1f} ml · {volume}"
    )
