"""The slice viewer: a canvas in the browser that owns scrubbing, threshold and overlay.

Transports hold the bytes, the viewer component gets small JSON.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from pages.ui.shell import session
from pages.ui.viewer import chunks, payload
from pages.ui.viewer.payload import ViewerMap, ViewerOptions, ViewerState, ViewerVolume
from zsad_explorer import VIEWER

QUICK_VOXELS = 2**20  # a volume up to this size is there as soon as a slice of it
Chunk = tuple[str, bytes]
"""The name of a transport and what it carries."""


@cache
def _component(name: str, css: str | None = None) -> ComponentRenderer:
    """A component of `zsad_explorer/`; not before a run, in which its folder is known."""
    return st.components.v2.component(f"zsad-explorer.{name}", css=css, js=f"{name}.js")


@st.cache_resource(max_entries=24, show_spinner=False)
def _volume_bytes(key: str, first: int, stop: int, _volume: ViewerVolume) -> bytes:
    return chunks.pack_volume(_volume, key, range(first, stop))


@st.cache_resource(max_entries=48, show_spinner=False)
def _map_bytes(key: str, first: int, stop: int, _map: ViewerMap) -> bytes:
    return chunks.pack_map(_map.values, _map.thresholds, key, range(first, stop))


def viewer(
    volume: ViewerVolume,
    volume_key: str,
    maps: Sequence[tuple[str, ViewerMap]],
    *,
    options: ViewerOptions,
    key: str,
    turn: Callable[[int], None] = lambda _: None,
) -> ViewerState:
    """Show a volume with 0 to 4 anomaly maps over it and return where the user stands.

    Args:
        volume: the subject, all arrays (S, H, W).
        volume_key: string that changes whenever the volume's content does.
        maps: (content key, map), in a comparison up to four; values (S, H, W), thresholds aligned.
        options: how to show it.
        key: the element's key; state in the browser survives reruns under the same key.
        turn: called with 1 or -1 where the user asks for the next or previous subject.

    Returns:
        Slice and threshold, one of the first map's; changes come 250 ms after the last gesture.
    """
    for _, shown in maps:
        if shown.values.shape != volume.image.shape:
            raise ValueError(f"map {shown.values.shape} over a volume {volume.image.shape}")
    with st.container(gap=None):
        view = present(volume_key, maps, options=options, key=key, turn=turn)
        send(volume, volume_key, maps, (options.slice, key))
    memory = session.VIEWER_STATE.of(key)
    first = maps[0][1] if maps else None
    high = float(first.high) if first else None
    believed = payload.state(view, options, len(volume.image), high, memory.get())
    memory.set(believed)
    return payload.on_grid(believed, first.thresholds) if first else believed


def present(
    volume_key: str,
    maps: Sequence[tuple[str, ViewerMap]],
    *,
    options: ViewerOptions,
    key: str,
    turn: Callable[[int], None],
) -> Any:  # noqa: ANN401 (what the browser said)
    """Mount the viewer, with `options.case` in the whole window; what it says of its view.

    `send` brings the bytes that it names. `turn` is called with the number of the case that the
    user turns to, from 1, or 0 to leave.
    """
    return _component("viewer", "viewer.css")(
        key=key,
        data=payload.message(volume_key, maps, options),
        on_view_change=lambda: None,  # a state value needs one; the rerun is all that is wanted
        on_go_change=lambda: turn(int(session.component(key)["go"])),
    ).view


def keys() -> tuple[tuple[str, str], ...]:
    """The viewer's keys and what they do, as its own list says."""
    listed = (VIEWER / "keys.js").read_text(encoding="utf-8").partition("function")[0]
    return tuple(re.findall(r'\["([^"]+)", "([^"]+)"\]', listed))


def send(
    volume: ViewerVolume,
    volume_key: str,
    maps: Sequence[tuple[str, ViewerMap]],
    target: tuple[int | None, str],
) -> None:
    """Send the wanted slice alone, then each slab, the one nearest to it first.

    `target` is that slice and a key of the transports. The same content is not sent again.
    """
    index, key = target
    named = [volume_key, *(name for name, _ in maps)]
    here = len(volume.image) // 2 if index is None else index
    known, first = session.FIRST_SLICE.of(key).get() or (None, here)
    first = first if known == named else here
    session.FIRST_SLICE.of(key).set((named, first))
    if volume.image.size > QUICK_VOXELS:
        send_chunks(packed(volume, volume_key, maps, range(first, first + 1)), f"{key}-first")
    slabs = chunks.slabs(volume.image.shape)
    places = [st.container(gap=None) for _ in slabs]
    order = sorted(range(len(slabs)), key=lambda n: abs(slabs[n][len(slabs[n]) // 2] - here))
    for number in order:
        with places[number]:
            send_chunks(packed(volume, volume_key, maps, slabs[number]), f"{key}-{number}")


def packed(
    volume: ViewerVolume, volume_key: str, maps: Sequence[tuple[str, ViewerMap]], part: range
) -> Iterator[Chunk]:
    """The chunks of some slices, each packed when it is its turn and kept while it is in use."""
    ends = part.start, part.stop
    yield "volume", _volume_bytes(volume_key, *ends, volume)
    for position, (map_key, shown) in enumerate(maps):
        if shown.over:
            over_key, over = shown.over
            yield f"over-{position}", _volume_bytes(over_key, *ends, over)
        yield f"map-{position}", _map_bytes(map_key, *ends, shown)


def send_chunks(chunks: Iterable[Chunk], key: str) -> None:
    """Each in a transport of its own; `key` is theirs."""
    for name, chunk in chunks:
        _component("transport")(key=f"{key}-{name}", data=chunk)
