"""Presenting the pins: one case a page, in the whole window, turned by keys or a clicker."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui.explore.scans import scan
from pages.ui.explore.shown import (
    few_shot,
    map_of,
    options_of,
    small_print,
    thresholds_of,
    viewer_map,
)
from pages.ui.failures import payloads
from pages.ui.shell import compute, session, volume_set
from pages.ui.shell.keyboard import palette
from pages.ui.shell.user import home
from pages.ui.viewer import present as show
from pages.ui.viewer import send, send_chunks
from pages.ui.viewer.payload import ViewerCase, ViewerOptions
from zsad_core import methods
from zsad_core.base.jobs import Job
from zsad_core.base.wording import counted, decimals
from zsad_core.errors import ZsadError
from zsad_core.imaging import datasets
from zsad_core.inference import views
from zsad_core.inference.views import View
from zsad_core.workspace import pins
from zsad_core.workspace.pins import Pin

ALONE = """<style>
[data-testid="stSidebar"], [data-testid="stHeader"], .st-key-purpose { display: none; }
[data-testid="stMain"] { overflow: hidden; }
</style>"""
NO_DEVICE = "Research software, not a medical device."
KEYS = (
    ("→ ← · PageDown PageUp · Space", "next, previous case; a clicker works too"),
    ("Home · End", "first, last case"),
    ("a number, Enter", "the case of that number"),
    ("↑ ↓ · wheel", "slices"),
    ("n p · w · m · o", "lesions · worst slice · next layer preset · hide colours while held"),
    ("f · Esc", "full screen · leave"),
)


def addressed_case(count: int) -> int:
    """The case in the address, from 1; 0 where none is, or no such case."""
    number = session.CASE.get() or 0
    return number if number <= count else 0


def turn(number: int) -> None:
    """Present that case, from 1, or leave with 0; for callbacks."""
    if number:
        session.CASE.set(number)
    else:
        session.CASE.pop()


def invitation(all_pins: Sequence[Pin]) -> None:
    """What presenting is, with a button that starts it."""
    st.markdown(
        f"{counted(len(all_pins), 'pinned case')}, one per page in full screen, each with its live "
        "viewer. The address of a case can be shared."
    )
    rows = "\n".join(f"| {keys} | {what} |" for keys, what in KEYS)
    st.markdown(f"| Keys | |\n|---|---|\n{rows}")
    st.button("Start", type="primary", on_click=turn, args=(1,), icon=":material/slideshow:")


def present(all_pins: Sequence[Pin], number: int) -> None:
    """One case in the whole window; its neighbours are brought along, all others made ready."""
    st.html(ALONE)
    place = st.container(gap=None)
    transports = [st.container(gap=None) for _ in all_pins]
    job = None
    with place:
        try:
            job = _present(all_pins, number, transports[number - 1])
        except ZsadError as error:
            case = replace(_case(all_pins, number), problem=str(error))
            show("", [], options=ViewerOptions(case=case), key="present", turn=turn)
    if job is not None:
        compute.show_job(job)
    _bring(all_pins, number, transports)


def kind_of(pin: Pin) -> str:
    """The kind of failure to stand before the title; "" where the title begins with it."""
    return "" if pin.title.lower().startswith(pin.kind.lower()) else pin.kind


def subtitle(pin: Pin) -> str:
    """Method, setup, prompts, subject and modality in one line."""
    method = methods.METHODS.get(pin.method)
    reads = method is None or method.prompts
    texts = f" · prompts {pin.prompts.name}" if reads and pin.prompts.name else ""
    title = methods.configuration_name(pin.method, pin.setup)
    return f"{title}{texts} · {pin.subject} · {pin.modality}"


def dice_text(pin: Pin) -> str:
    """The numbers of the moment."""
    named = {"2D Dice": pin.slice_dice, "3D Dice": pin.volume_dice}
    numbers = [f"{name} {decimals(value)}" for name, value in named.items() if value is not None]
    return ", ".join(numbers) or "no Dice"


def _present(all_pins: Sequence[Pin], number: int, transport: DeltaGenerator) -> Job | None:
    """The case; the job that still encodes its volume, if any."""
    view, key = pins.view_of(compute.engine(), all_pins[number - 1], home()), f"case-{number - 1}"
    job = None
    with payloads.interactive(view):
        ready = payloads.payload(view)
        if ready is not None:
            volume_key, maps, options = ready.volume_key, ready.maps, ready.options
        else:
            views.stack_of(compute.engine(), view)
            anomaly, name, job = map_of(view.map, view.index)
            cut = thresholds_of(view.map, anomaly, name, (view.threshold.value,))
            maps = (viewer_map(view.map, anomaly, name, cut),)
            (volume_key, volume), options = scan(view.map.features.slices), options_of(view)
        case = _about(all_pins, number, view, whole=job is None)
        options = replace(options, sequence=number, palette=palette(), case=case)
        show(volume_key, maps, options=options, key="present", turn=turn)
        with transport:
            if ready is not None:
                send_chunks(ready.chunks, key)
            else:
                send(volume, volume_key, maps, (view.index, key))
    return job


def _bring(all_pins: Sequence[Pin], number: int, transports: Sequence[DeltaGenerator]) -> None:
    """Have the browser hold the neighbours before they are turned to, once they are packed.

    Others are packed too: those near the case and both ends, where keys lead, first.
    """
    ends = (number - 1, 0, len(all_pins) - 1)
    order = sorted(range(len(all_pins)), key=lambda at: min(abs(at - end) for end in ends))
    job = payloads.prefetch([all_pins[at] for at in order])
    waiting = []
    for at in (number, number - 2):
        if not 0 <= at < len(all_pins):
            continue
        with contextlib.suppress(ZsadError):
            view = pins.view_of(compute.engine(), all_pins[at], home())
            if payloads.waiting(view):
                waiting.append(view)
            elif (ready := payloads.payload(view)) is not None:
                with transports[at]:
                    send_chunks(ready.chunks, f"case-{at}")
    if job is None or not waiting:
        return

    @st.fragment(run_every=0.5)
    def follow() -> None:
        if job.state != "running" or not any(map(payloads.waiting, waiting)):
            st.rerun()

    follow()


def _about(all_pins: Sequence[Pin], number: int, view: View, whole: bool) -> ViewerCase:
    foot = _foot(all_pins[number - 1], view, whole)
    synthetic = datasets.open_dataset(view.map.features.slices.data).synthetic
    return replace(_case(all_pins, number), foot=foot, synthetic=synthetic)


def _case(all_pins: Sequence[Pin], number: int) -> ViewerCase:
    pin = all_pins[number - 1]
    return ViewerCase(
        pin.id, number, len(all_pins), pin.title, subtitle(pin), kind_of(pin), pin.note
    )


def _foot(pin: Pin, view: View, whole: bool) -> str:
    parts = [small_print(view), volume_set.words(view.map), few_shot(view.map)]
    if tuned := view.map.prompts.tuned_on:
        where = "this subject" if pin.subject in tuned else counted(len(tuned), "other subject")
        parts.append(f"texts tuned on {where}")
    if not whole:
        parts.append("the volume is being encoded, its numbers will follow")
    parts.append(f"pinned {pin.date[:10]} with {dice_text(pin)}")
    return " · ".join([*filter(None, parts), NO_DEVICE])
