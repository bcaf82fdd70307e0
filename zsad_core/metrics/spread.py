"""How far values lie apart."""

import numpy as np
from numpy.typing import ArrayLike


def deviation(values: ArrayLike) -> float:
    """The sample standard deviation of values (N,), NaN left out; NaN of fewer than two.

    It is 0 of equal values, exactly: around their mean it would be that mean's rounding, 1.7e-17 of
    three times 0.1.

    >>> deviation([0.1, 0.1, 0.1]), round(deviation([1.0, 3.0, np.nan]), 3), deviation([2.0])
    (0.0, 1.414, nan)
    """
    numbers = np.asarray(values, float)
    numbers = numbers[~np.isnan(numbers)]
    return float((numbers - numbers.min()).std(ddof=1)) if len(numbers) > 1 else np.nan
