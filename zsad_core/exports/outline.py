"""The border of a mask along the sides of its pixels."""

import numpy as np

from zsad_core.types import FloatArray, MaskArray


def outline(mask: MaskArray) -> tuple[FloatArray, FloatArray]:
    """Columns and rows of the border of a mask (H, W), NaN between its pieces.

    Pixel centres lie at whole numbers.

    >>> x, y = outline(np.array([[True]]))
    >>> x.tolist()[:2], y.tolist()[:2], len(x)
    ([-0.5, 0.5], [-0.5, -0.5], 12)
    """
    padded = np.pad(mask, 1)
    y, x = np.nonzero(padded[1:] != padded[:-1])  # sides between two rows
    v, u = np.nonzero(padded[:, 1:] != padded[:, :-1])  # sides between two columns
    gap, ugap = np.full(len(x), np.nan), np.full(len(u), np.nan)
    columns = np.concatenate(
        [np.stack([x - 1.5, x - 0.5, gap]), np.stack([u - 0.5, u - 0.5, ugap])], 1
    )
    rows = np.concatenate(
        [np.stack([y - 0.5, y - 0.5, gap]), np.stack([v - 1.5, v - 0.5, ugap])], 1
    )
    return columns.T.ravel(), rows.T.ravel()
