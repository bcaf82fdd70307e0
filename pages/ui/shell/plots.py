"""A Plotly figure on a page, and the point of it that was clicked."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st


def clicked_point(figure: go.Figure, key: str) -> dict[str, Any] | None:
    """Draw the figure; the point just clicked, None without one."""
    event: Any = st.plotly_chart(figure, key=key, on_select="rerun", selection_mode="points")
    return next(iter(event["selection"]["points"]), None)
