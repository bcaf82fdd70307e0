import numpy as np
import pytest

from pages.ui.figures.solid import MOST, solid_figure, surface


def ball(side: int, radius: float) -> np.ndarray:
    axes = np.ogrid[:side, :side, :side]
    return sum((axis - side / 2) ** 2 for axis in axes) < radius**2


@pytest.mark.parametrize(("side", "radius"), [(40, 15.0), (3 * MOST, 1.3 * MOST)])
def test_a_surface_lies_round_its_mask_in_mm(side, radius):
    mask = ball(side, radius)
    affine = np.array([[2.0, 0, 0, 100], [0, 1, 0, 0], [0, 0, 1, -5], [0, 0, 0, 1]])
    points, triangles = surface(mask, affine)
    step = np.ceil(np.ptp(np.argwhere(mask)[:, 0]) / MOST)
    middle = affine[:3, :3] @ np.full(3, side / 2) + affine[:3, 3]
    distance = np.linalg.norm((points.T - middle) / [2.0, 1.0, 1.0], axis=1)
    assert np.abs(distance - radius).max() <= 1.5 * step
    assert triangles.max() == points.shape[1] - 1
    assert points.shape[1] < 12 * MOST**2


def test_an_empty_mask_has_no_surface():
    brain = ball(20, 8.0)
    figure = solid_figure(brain, brain & False, ball(20, 3.0), np.eye(4))
    assert [trace.name for trace in figure.data] == ["brain", "prediction"]
