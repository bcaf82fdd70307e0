"""The region as a solid figure with truth and prediction in it: data in, figure out."""

import html
import math

import numpy as np
import plotly.graph_objects as go
from skimage.measure import marching_cubes

from zsad_core.types import DataSpec, FloatArray, MaskArray

MOST = 96  # cells along the longest axis of a surface
BRAIN, TRUTH, PREDICTED = "#9AA5B1", "#009E73", "#D55E00"


def solid_figure(
    brain: MaskArray,
    truth: MaskArray | None,
    predicted: MaskArray,
    affine: FloatArray,
    region: str = DataSpec.region,
) -> go.Figure:
    """Surfaces of three masks (X, Y, Z), RAS+, in mm; an empty one has none.

    `region` is what the scan shows, the name of the first.
    """
    parts = [(html.escape(region), brain, BRAIN, 0.12), ("prediction", predicted, PREDICTED, 0.5)]
    if truth is not None:
        parts.insert(1, ("truth", truth, TRUTH, 0.6))
    figure = go.Figure()
    for name, mask, colour, opacity in parts:
        if mask.any():
            (x, y, z), (i, j, k) = surface(mask, affine)
            look = {"color": colour, "opacity": opacity, "name": name, "showlegend": True}
            figure.add_trace(go.Mesh3d(x=x, y=y, z=z, i=i, j=j, k=k, hoverinfo="name", **look))
    axes = {"xaxis": "left to right", "yaxis": "back to front", "zaxis": "foot to head"}
    scene = {axis: {"title": {"text": f"{way}, mm"}} for axis, way in axes.items()}
    figure.update_layout(
        scene={**scene, "aspectmode": "data"},
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        legend={"x": 0, "y": 1, "font": {"size": 16}},
        height=640,
    )
    return figure


def surface(mask: MaskArray, affine: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Vertices (3, N) in mm and triangles (3, M) round a mask (X, Y, Z) that is not empty.

    A small mask is cut out first and keeps every voxel; of a large one every n-th counts.

    >>> points, triangles = surface(np.ones((2, 2, 2), bool), np.diag([1.0, 1.0, 3.0, 1.0]))
    >>> np.ptp(points, axis=1).tolist(), len(triangles)
    ([2.0, 2.0, 6.0], 3)
    """
    indices = np.argwhere(mask)
    low, high = indices.min(0), indices.max(0) + 1
    part = mask[tuple(map(slice, low, high))]
    step = max(1, math.ceil(max(part.shape) / MOST))
    points, triangles, _, _ = marching_cubes(np.pad(part[::step, ::step, ::step], 1), 0.5)
    voxels = (points - 1) * step + low  # (N, 3)
    placed = voxels @ affine[:3, :3].T + affine[:3, 3]
    return placed.T.astype(np.float32), triangles.T
