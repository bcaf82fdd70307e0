"""Orientation of slices, the way back, the window, and the patches that are kept."""

import numpy as np
import pytest

from zsad_core.imaging.slicing import (
    as_slices,
    cubes_to_voxels,
    cubes_touching,
    layer,
    patches_near,
    to_slices,
    to_voxels,
)
from zsad_core.types import Volume

SHAPE = (4, 5, 3)  # X Y Z


def volume_of(truth=None, intensity=None):
    if intensity is None:
        intensity = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
    brain = np.ones(SHAPE, bool)
    return Volume(intensity, brain, truth, None, (1.0, 2.0, 3.0), np.eye(4), "digest")


def marked(x, y, z):
    truth = np.zeros(SHAPE, bool)
    truth[x, y, z] = True
    return truth


@pytest.mark.parametrize(
    ("voxel", "pixel"),
    [
        ((3, 4, 0), (0, 0, 0)),  # right, front, bottom: first slice, top left
        ((0, 4, 0), (0, 0, 3)),  # left of the patient: right edge
        ((3, 0, 0), (0, 4, 0)),  # back: bottom row
        ((3, 4, 2), (2, 0, 0)),  # top of the head: last slice
    ],
)
def test_the_patient_faces_up_with_the_right_on_the_left(voxel, pixel):
    truth = to_slices(volume_of(marked(*voxel))).truth
    assert np.argwhere(truth).tolist() == [list(pixel)]


@pytest.mark.parametrize(
    ("plane", "voxel", "pixel"),
    [
        ("coronal", (3, 0, 2), (0, 0, 0)),  # right, back, top: first slice, top left
        ("coronal", (0, 4, 0), (4, 2, 3)),  # left, front, bottom: last slice, bottom right
        ("sagittal", (0, 4, 2), (0, 0, 0)),  # left, front, top: first slice, top left
        ("sagittal", (3, 0, 0), (3, 2, 4)),  # right, back, bottom: last slice, bottom right
    ],
)
def test_the_other_planes_have_the_top_of_the_head_up(plane, voxel, pixel):
    truth = to_slices(volume_of(marked(*voxel)), plane).truth
    assert np.argwhere(truth).tolist() == [list(pixel)]


@pytest.mark.parametrize(
    ("plane", "shape", "pixel_mm"),
    [
        ("axial", (3, 5, 4), (2.0, 1.0)),
        ("coronal", (5, 3, 4), (3.0, 1.0)),
        ("sagittal", (4, 3, 5), (3.0, 2.0)),
    ],
)
def test_the_way_back_is_exact(plane, shape, pixel_mm):
    random = np.random.default_rng(0).random(SHAPE) < 0.5
    stack = to_slices(volume_of(random), plane)
    np.testing.assert_array_equal(to_voxels(stack.truth, plane), random)
    assert stack.truth.shape == shape
    assert stack.pixel_mm == pixel_mm


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize("voxel", [(13, 2, 7), (0, 19, 0), (23, 0, 11), (6, 10, 5)])
def test_a_voxel_lies_in_the_same_cube_from_every_plane(plane, voxel):
    shape, grid = (24, 20, 12), 4
    bright = np.zeros(shape, np.float32)
    bright[voxel] = 1
    image = as_slices(bright, plane)
    layers = [image[layer(len(image), grid, index)] for index in range(grid)]
    height, width = image.shape[1] // grid, image.shape[2] // grid
    patches = np.array(
        [one.sum(axis=0).reshape(grid, height, grid, width).sum(axis=(1, 3)) for one in layers]
    )
    cube = tuple(v * grid // size for v, size in zip(voxel, shape, strict=True))
    assert [tuple(one) for one in np.argwhere(to_voxels(patches, plane))] == [cube]
    assert [tuple(one) for one in np.argwhere(cubes_touching(bright > 0, grid))] == [cube]


@pytest.mark.parametrize(("size", "grid"), [(155, 28), (240, 28), (28, 28), (5, 8)])
def test_every_slice_is_in_one_layer_and_no_layer_is_empty(size, grid):
    found = [range(size)[layer(size, grid, index)] for index in range(grid)]
    assert all(found)
    assert sorted({s for one in found for s in one}) == list(range(size))
    assert sum(map(len, found)) == max(size, grid)


def test_values_of_cubes_peak_where_the_cube_is_and_end_with_the_brain():
    brain = np.zeros((24, 20, 12), bool)
    brain[6:18, 5:15, 3:9] = True
    kept = cubes_touching(brain, 4)
    values = np.zeros(kept.shape, np.float32)
    values[2, 1, 2] = 1
    found = cubes_to_voxels(values[kept], kept, brain)
    assert found.dtype == np.float32
    peak = np.argwhere(found == found.max()).mean(axis=0)
    assert np.floor(peak * 4 / np.array(brain.shape)).tolist() == [2, 1, 2]
    assert (found[~brain] == 0).all()
    ones = cubes_to_voxels(np.ones(kept.sum()), kept, brain)
    np.testing.assert_allclose(ones[brain], 1, atol=1e-6)


def test_image_brain_and_truth_turn_together():
    intensity = np.zeros(SHAPE, np.float32)
    intensity[0, 1, 2] = 100
    stack = to_slices(volume_of(marked(0, 1, 2), intensity))
    assert np.argmax(stack.image) == np.argmax(stack.truth)


def test_sizes_follow_the_axes():
    stack = to_slices(volume_of())
    assert stack.pixel_mm == (2.0, 1.0)
    assert stack.voxel_ml == pytest.approx(0.006)
    assert stack.truth is None


def test_one_window_for_the_volume():
    stack = to_slices(volume_of())
    assert stack.window == pytest.approx((0.059, 58.941))
    assert (stack.image.min(), stack.image.max()) == (0, 255)
    assert not stack.image.flags.writeable


def test_a_scan_of_one_value_is_not_an_error():
    assert to_slices(volume_of(intensity=np.full(SHAPE, 7, np.float32))).image.max() == 0


@pytest.mark.parametrize(("size", "grid"), [((48, 48), 8), ((50, 37), 9), ((24, 30), 37)])
def test_every_brain_pixel_lies_in_kept_patches(size, grid):
    random = np.random.default_rng(1)
    brain = random.random((3, *size)) < 0.02
    kept = patches_near(brain, grid, reach=2)
    for s, row, column in np.argwhere(brain):
        for r in touched(row, size[0], grid):
            for c in touched(column, size[1], grid):
                assert kept[s, r, c]


def touched(pixel, size, grid):
    """Patches that share a part of a pixel when the slice is squashed to the grid."""
    first, end = pixel * grid // size, -(-(pixel + 1) * grid // size)
    return range(first, end)


@pytest.mark.parametrize(("reach", "count"), [(0, 1), (1, 9), (2, 25)])
def test_reach_adds_rings_of_patches(reach, count):
    brain = np.zeros((1, 36, 36), bool)
    brain[0, 18, 18] = True
    kept = patches_near(brain, 9, reach)
    assert kept.sum() == count
    assert kept[0, 4, 4]


def test_slices_do_not_reach_into_each_other():
    brain = np.zeros((3, 8, 8), bool)
    brain[1] = True
    assert patches_near(brain, 4, 2).any(axis=(1, 2)).tolist() == [False, True, False]
