"""Mounts the viewer: carriers hold the bytes, the viewer component gets small JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from pages.ui.viewer import payload
from pages.ui.viewer.payload import ViewerMap, ViewerOptions, ViewerState, ViewerVolume

_HERE = Path(__file__).parent
_SCRIPTS = ("counts.js", "panel.js", "strip.js", "viewer.js")


def _read(*names: str) -> str:
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)


_carrier = st.components.v2.component("zsad_carrier", js=_read("carrier.js"))
_viewer = st.components.v2.component("zsad_viewer", css=_read("viewer.css"), js=_read(*_SCRIPTS))


@st.cache_resource(max_entries=6, show_spinner=False)
def _volume_bytes(key: str, _volume: ViewerVolume) -> bytes:
    return payload.pack_volume(_volume, key)


@st.cache_resource(max_entries=12, show_spinner=False)
def _map_bytes(key: str, _map: ViewerMap) -> bytes:
    return payload.pack_map(_map.levels, key)


def viewer(
    volume: ViewerVolume,
    volume_key: str,
    maps: Sequence[tuple[str, ViewerMap]],
    *,
    options: ViewerOptions,
    key: str,
) -> ViewerState:
    """Show a volume with 0 to 2 anomaly maps over it and return where the user stands.

    Args:
        volume: the subject, all arrays (S, H, W).
        volume_key: string that changes whenever the volume's content does.
        maps: (content key, map) for A and, in a comparison, B; levels (S, H, W).
        options: how to show it.
        key: the element's key; state in the browser survives reruns under the same key.

    Returns:
        Slice, threshold and look; changes come 250 ms after the last gesture.
    """
    for _, shown in maps:
        if shown.levels.shape != volume.image.shape:
            raise ValueError(f"map {shown.levels.shape} over a volume {volume.image.shape}")
    with st.container(gap=None):
        result: Any = _viewer(
            key=key,
            data=payload.message(volume_key, maps, options),
            on_view_change=_nothing,
        )
        _carrier(key=f"{key}-volume", data=_volume_bytes(volume_key, volume))
        for position, (map_key, shown) in enumerate(maps):
            _carrier(key=f"{key}-map-{position}", data=_map_bytes(map_key, shown))
    memory = f"{key}-believed"
    believed = payload.state(result.view, options, len(volume.image), st.session_state.get(memory))
    st.session_state[memory] = believed
    return believed


def _nothing() -> None:
    """A state value needs a callback to exist; the rerun itself is all that is wanted."""
