"""Figures of the prompt lab; they know nothing of the app and set no colour of text or ground."""

import html
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from pages.ui.figures.charts import ABNORMAL, GREY, NORMAL, short, styled
from zsad_core.types import FloatArray

STEPS = 64  # of a margin histogram
MOST_WRITTEN = 8  # texts whose cosines are written out; more would be too small to read


def random_figure(random: FloatArray, own: float, label: str, name: str) -> go.Figure:
    """How often random pairs (N,) reach which value, and where the prompt's own stands."""
    random = random[~np.isnan(random)]
    bars = go.Histogram(x=random, nbinsx=30, marker_color=NORMAL, opacity=0.7, name="random pairs")
    figure = go.Figure(bars)
    figure.add_vline(own, line={"color": ABNORMAL, "width": 3})
    figure.add_annotation(
        x=own, y=1.06, yref="paper", showarrow=False, text=html.escape(name), font_color=ABNORMAL
    )
    figure = styled(
        figure,
        height=300,
        showlegend=False,
        xaxis={"title": {"text": label}, "gridcolor": GREY},
        yaxis={"title": {"text": "random pairs"}, "gridcolor": GREY},
    )
    return figure.update_layout(margin_t=30)


def similarity_figure(texts: Sequence[tuple[str, str]], cosines: FloatArray) -> go.Figure:
    """Cosines (N, N) between texts, each (side, text); the normal side first."""
    names = [f"{html.escape(side)}: {html.escape(short(text, 32))}" for side, text in texts]
    rows, written = list(range(len(names))), len(names) <= MOST_WRITTEN
    heat = go.Heatmap(
        z=cosines.tolist(),
        colorscale="Viridis",
        zmin=min(float(cosines.min()), 0.0),
        zmax=1,
        hovertemplate="%{z:.3f}<extra></extra>",
        texttemplate="%{z:.2f}" if written else None,
        textfont={"size": 13},
        showscale=not written,
    )
    return styled(
        go.Figure(heat),
        height=140 + 24 * len(names),
        xaxis={"tickvals": rows, "ticktext": [str(row + 1) for row in rows]},
        yaxis={
            "tickvals": rows,
            "ticktext": [f"{name} · {row + 1}" for row, name in enumerate(names)],
            "autorange": "reversed",
            "automargin": True,
        },
    )


def margin_figure(healthy: FloatArray, lesion: FloatArray, high: float) -> go.Figure:
    """Shares of healthy (H,) and of lesion voxels (L,) by their value in 0 … high, in 64 steps."""
    figure, values = go.Figure(), (np.arange(STEPS) + 0.5) / STEPS * high
    for voxels, name, colour in ((healthy, "healthy", NORMAL), (lesion, "lesion", ABNORMAL)):
        counts, _ = np.histogram(voxels, STEPS, (0, high))
        share = counts / max(int(counts.sum()), 1)
        figure.add_trace(
            go.Scatter(
                x=values,
                y=share,
                name=name,
                line={"color": colour, "width": 2, "shape": "hvh"},
                fill="tozeroy",
                hovertemplate="%{y:.1%} at %{x:.3f}",
            )
        )
    return styled(
        figure,
        height=300,
        xaxis={"title": {"text": "anomaly"}, "gridcolor": GREY},
        yaxis={"title": {"text": "share of voxels"}, "gridcolor": GREY, "tickformat": ".0%"},
    )
