"""Where a threshold comes from: set by hand, tuned on validation subjects, or told by the truth.

Each answers with a level of the 256-level grid; among equals the lowest level wins.
"""

from collections.abc import Sequence

import numpy as np

from zsad_core.errors import SettingError
from zsad_core.metrics import LESION, LEVELS, Histogram, dice_at_levels


def fixed_threshold(level: int) -> int:
    """The level itself; SettingError outside 0 … 255.

    >>> fixed_threshold(128)
    128
    """
    if not 0 <= level < LEVELS:
        raise SettingError(f"Threshold level {level} is outside the grid; choose 0 to 255.")
    return level


def oracle_threshold(histogram: Histogram) -> int:
    """The level with the best 3D Dice of one subject (2, 256); it saw the truth.

    SettingError without lesion.

    >>> histogram = np.zeros((2, 256), dtype=np.int64)
    >>> histogram[0, 10], histogram[1, 20] = 2, 2
    >>> oracle_threshold(histogram)
    11
    """
    if histogram[LESION].sum() == 0:
        raise SettingError(
            "The oracle threshold needs a lesion, and this subject has 0 lesion voxels in the "
            "brain; choose a fixed or the validation threshold."
        )
    return int(np.argmax(dice_at_levels(histogram)))


def validation_threshold(histograms: Sequence[Histogram]) -> int:
    """The level with the best mean 3D Dice over validation subjects, each (2, 256).

    Subjects without lesion have no Dice and are left out; SettingError when none is left.

    >>> histogram = np.zeros((2, 256), dtype=np.int64)
    >>> histogram[0, 10], histogram[1, 20] = 2, 2
    >>> validation_threshold([histogram, histogram])
    11
    """
    usable = [one for one in histograms if one[LESION].sum() > 0]
    if not usable:
        raise SettingError(
            f"None of the {len(histograms)} validation subjects has a lesion in its truth, so no "
            "threshold can be tuned; choose a fixed threshold or data with a validation split."
        )
    return int(np.argmax(dice_at_levels(np.stack(usable)).mean(axis=0)))
