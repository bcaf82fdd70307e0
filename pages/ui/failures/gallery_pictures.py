"""Pictures of failure cases: those that were made at once, the others as a job makes them."""

import contextlib
from collections.abc import Sequence

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui.shell import compute, session
from pages.ui.shell.keyboard import palette
from pages.ui.shell.markdown import escape
from pages.ui.shell.pictures import draw
from zsad_core.base.jobs import Job
from zsad_core.base.palette import Classes
from zsad_core.base.store import key_of
from zsad_core.base.wording import counted
from zsad_core.errors import DataError, ZsadError
from zsad_core.evaluation.row_views import scan_named
from zsad_core.inference import thumbnails, views
from zsad_core.inference.engine import Engine
from zsad_core.inference.views import View
from zsad_core.report.failures import Failure
from zsad_core.types import ByteArray, DataSpec, Progress, SliceSpec

WAITING = np.full((thumbnails.SIDE, thumbnails.SIDE, 3), 24, np.uint8)


def pictures(places: Sequence[tuple[View, DeltaGenerator]]) -> None:
    """Draw what is there into its place; the rest follows while the page can be used."""
    waiting = [view for view, place in places if not _show(view, place)]
    again = session.GALLERY_REDRAW.pop()  # what has no map stored is looked at anew
    shown = list(dict.fromkeys(view for view, _ in places))
    todo = [view for view in shown if view in waiting or (again and _without(view) is not None)]
    if not todo:
        return
    job = _start(shown, todo)

    @st.fragment(run_every=1.0)
    def follow() -> None:  # a place outside may be gone by now, so the page draws what came
        if job.state != "running" or any(map(_there, waiting)):
            st.rerun()

    if job.state == "running":
        st.caption(f"Drawing {counted(len(todo), 'picture')} …")
        follow()
    elif job.error:
        st.warning(compute.outcome(job))


def scans_unread(data: DataSpec, cases: Sequence[Failure]) -> set[str]:
    """Subjects whose scan a job reads for the first time; without it no row can be checked."""
    engine = compute.engine()
    scans = {case.subject: scan_named(case.row, data) for case in cases}
    unread = {name: scan for name, scan in scans.items() if _unread(engine, scan)}
    key = f"scans-{key_of('', scans=sorted(unread))}"
    if not unread or ((job := engine.jobs.find(key)) is not None and job.state != "running"):
        return set()  # what cannot be read says so on its card

    def work(progress: Progress) -> None:
        for done, scan in enumerate(unread.values()):
            progress(done, len(unread))
            with contextlib.suppress(ZsadError):
                engine.digest(scan)

    compute.show_job(compute.start(key, "Reading scans", work))
    return set(unread)


def _unread(engine: Engine, scan: SliceSpec) -> bool:
    try:
        return engine.known_digest(scan) is None
    except DataError:  # it is not here
        return False


def _show(view: View, place: DeltaGenerator) -> bool:
    """Whether there was something to show, be it why there is no picture."""
    picture = thumbnails.stored_thumbnail(compute.engine(), view, palette())
    without = _without(view)
    with place.container():
        if picture is not None:
            draw(picture)
        elif isinstance(without, str):
            st.warning(escape(without))
        elif without is not None:
            draw(without)
            st.caption(":orange-badge[map not stored] Outline of the ground truth only.")
        else:
            draw(WAITING)
            return False
    return True


def _there(view: View) -> bool:
    """Whether there is something to show by now."""
    made = thumbnails.stored_thumbnail(compute.engine(), view, palette())
    return made is not None or _without(view) is not None


def _without(view: View) -> ByteArray | str | None:
    """The scan without its map, or why there is none; None where it was not looked at."""
    return compute.results().peek(("picture", view))


def _start(page: Sequence[View], todo: Sequence[View]) -> Job:
    """The one job of a page; it draws what was still to do when it began."""
    engine, results, colours = compute.engine(), compute.results(), palette()
    ordered = sorted(todo, key=lambda view: view.map.features.slices.subject)

    def work(progress: Progress) -> None:
        for done, view in enumerate(ordered):
            progress(done, len(ordered))
            if (other := _drawn(engine, view, colours)) is not None:
                results.put(("picture", view), other)

    key = f"pictures-{key_of('', views=page, colours=colours)}"
    return compute.start(key, "Drawing failure cases", work, kind="gallery")


def _drawn(engine: Engine, view: View, colours: Classes) -> ByteArray | str | None:
    """Keeps the picture in the store; what to show instead where that cannot be."""
    try:
        if not views.stored(engine, view):
            return thumbnails.without_map(engine, view)
        thumbnails.thumbnail(engine, view, colours)
    except ZsadError as error:
        return str(error)
    return None
