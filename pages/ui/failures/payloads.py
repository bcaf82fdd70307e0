"""Cases packed for the browser ahead of time, so that turning to one waits for no computation."""

import contextlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import streamlit as st

from pages.ui.explore.scans import scan
from pages.ui.explore.shown import options_of, viewer_map
from pages.ui.shell import compute
from pages.ui.shell.user import home
from pages.ui.viewer import Chunk, packed
from pages.ui.viewer.chunks import slabs
from pages.ui.viewer.payload import ViewerMap, ViewerOptions
from zsad_core.base.jobs import Job
from zsad_core.base.lru_cache import LruCache
from zsad_core.base.prefetch import Prefetcher
from zsad_core.base.store import key_of
from zsad_core.errors import ZsadError
from zsad_core.inference import pipeline, views
from zsad_core.inference.evaluation import map_key
from zsad_core.inference.views import View
from zsad_core.metrics import levels
from zsad_core.types import Progress
from zsad_core.workspace import pins
from zsad_core.workspace.pins import Pin

MOST = 24  # cases, of about 2 MB each
NOTHING = np.zeros((0, 0, 0), np.float32)


@dataclass(frozen=True)
class CasePayload:
    """All that the browser is given of a case; the arrays of its maps are in the chunks only."""

    volume_key: str
    maps: tuple[tuple[str, ViewerMap], ...]
    options: ViewerOptions
    chunks: tuple[Chunk, ...]


def payload(view: View) -> CasePayload | None:
    """The view packed, now where it was not before; None where it is not stored or too large.

    Raises ZsadError.
    """
    # Whether it is stored, the scan's slices tell, which take half a second to make.
    if waiting(view) and not compute.ready(view.map):
        return None
    return _payloads().get(_key(view), lambda: _packed(view))


def waiting(view: View) -> bool:
    """Whether it is not packed yet; no scan of the view is read for it. Raises ZsadError."""
    unread = compute.engine().known_digest(view.map.features.slices) is None
    return unread or _key(view) not in _payloads()


def interactive(view: View) -> AbstractContextManager[None]:
    """Somebody waits for the view in this block: no other is packed meanwhile."""
    return _prefetcher().interactive(view.map)


def prefetch(order: Iterable[Pin]) -> Job | None:
    """The job that packs these pins, from now on in this order, while it runs."""
    chosen, jobs = tuple(order)[:MOST], compute.engine().jobs
    names = tuple(pin.id for pin in chosen)
    _prefetcher().prioritise(names)
    own = home()  # a job has no user

    def work(progress: Progress) -> None:
        left = {pin.id: pin for pin in chosen}
        while left:
            look = compute.at_step(progress, len(chosen) - len(left), len(chosen))
            with contextlib.suppress(ZsadError):
                _pack(left.pop(_prefetcher().first(list(left))), own, look)

    key = f"cases-{key_of('', pins=sorted(names))}"
    job = jobs.find(key) or compute.start(key, "Preparing the cases", work)
    return job if job.state == "running" else None


def _pack(pin: Pin, own: Path, look: Callable[[], object]) -> None:
    """Packed in chunks, so an interactive request waits for at most one chunk."""
    engine = compute.engine()
    view = pins.view_of(engine, pin, own)
    if not waiting(view):
        return
    rest = _prefetcher().step(view.map, look)
    for make in (engine.volume, engine.stack):
        rest()
        make(view.map.features.slices)
    if compute.ready(view.map):
        pipeline.anomaly_map(engine, view.map, rest)
    rest()
    payload(view)


def _key(view: View) -> tuple[str, View]:
    return map_key(compute.engine(), view.map), view


def _packed(view: View) -> CasePayload | None:
    views.stack_of(compute.engine(), view)
    volume_key, volume = scan(view.map.features.slices)
    first, *more = slabs(volume.image.shape)
    if more:
        return None
    key, _ = _key(view)
    anomaly, brain = compute.whole_map(view.map), volume.brain
    cut = levels.thresholds_of(anomaly.values[brain], [view.threshold.value])
    shown_key, shown = viewer_map(view.map, anomaly, key, cut)
    chunks = tuple(packed(volume, volume_key, [(shown_key, shown)], first))
    maps = ((shown_key, replace(shown, values=NOTHING)),)
    return CasePayload(volume_key, maps, options_of(view), chunks)


@st.cache_resource(show_spinner=False)
def _payloads() -> LruCache[CasePayload | None]:
    return LruCache(MOST)


@st.cache_resource(show_spinner=False)
def _prefetcher() -> Prefetcher[str]:
    """Ids of pins by priority, and the maps that somebody waits for."""
    return Prefetcher()
