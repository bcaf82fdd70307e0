"""The description of a set of predictions: its folder, the meaning of its values, its origin."""

import math
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from zsad_core.errors import SettingError

PredictionKind = Literal["mask", "score"]
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
LARGEST_LABEL = 2**16 - 1


@dataclass(frozen=True)
class Predictions:
    """A folder of predictions for one data set, one NIfTI file a subject.

    A mask consists of `labels`, by default of label 1. A score lies in `low` … `high`, and higher
    is more abnormal. `provenance` names the model, `trained_on` its training data; "" is not
    stated. With `resample`, files on another grid are resampled to the scan's; otherwise they are
    refused.
    """

    name: str
    folder: str
    kind: PredictionKind = "mask"
    labels: tuple[int, ...] = ()
    low: float = 0.0
    high: float = 1.0
    provenance: str = ""
    trained_on: str = ""
    resample: bool = False

    @property
    def foreground(self) -> tuple[int, ...]:
        """The labels that make a mask."""
        return self.labels or (1,)

    @property
    def allowed(self) -> tuple[int, ...]:
        """The labels that a mask file may hold.

        >>> Predictions("mine", "masks", labels=(2, 3)).allowed
        (0, 1, 2, 3)
        """
        return tuple(sorted({0, 1, *self.labels}))


def check(predictions: Predictions) -> None:
    """Raise SettingError for a name, labels or a range that cannot be used; no file is read."""
    if not NAME.fullmatch(predictions.name):
        raise SettingError(
            f"The name '{predictions.name}' cannot be used; give up to 40 letters, digits, dots, "
            "dashes or underscores, the first a letter or digit, such as nnunet-v2."
        )
    if predictions.kind == "mask":
        _check_mask(predictions)
    else:
        _check_score(predictions)


def _check_mask(predictions: Predictions) -> None:
    for label in predictions.labels:
        if not 1 <= label <= LARGEST_LABEL:
            raise SettingError(
                f"{label} is no label of a lesion; choose whole numbers from 1 to {LARGEST_LABEL}."
            )
    if (predictions.low, predictions.high) != (0, 1):
        raise SettingError(
            f"Masks have no range and {predictions.low:g} to {predictions.high:g} was given; "
            "leave it out or add them as scores."
        )


def _check_score(predictions: Predictions) -> None:
    low, high = predictions.low, predictions.high
    if predictions.labels:
        labels = ", ".join(map(str, predictions.labels))
        raise SettingError(
            f"Scores have no labels and {labels} was given; leave it out or add them as masks."
        )
    largest = float(np.finfo(np.float32).max)
    usable = all(math.isfinite(end) and abs(end) < largest for end in (low, high, high - low))
    if not usable or not np.float32(low) < np.float32(high):
        raise SettingError(
            f"Scores cannot range from {low:g} to {high:g}; give two finite numbers, the lower "
            "one first."
        )
