"""Files of the view shown, each made when it is asked for."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Literal

import streamlit as st

from pages.ui.shell import compute, download
from pages.ui.shell.keyboard import palette
from zsad_core.base.store import key_of
from zsad_core.exports.animation import animation
from zsad_core.exports.numbers import numbers
from zsad_core.exports.panels import PANELS
from zsad_core.exports.picture import SCALES, picture
from zsad_core.exports.scene import Look
from zsad_core.exports.volumes import volumes
from zsad_core.exports.words import file_name
from zsad_core.inference.views import View
from zsad_core.methods import configuration_name
from zsad_core.types import Progress

STATEMENT = (
    "Every file states what it shows, how it was made (texts, weights, digests, versions, device) "
    "and that it is not a medical device."
)
DRAWN = (
    "Pictures are redrawn as panels of this slice and plane, with its threshold, mask and class "
    "colours. To save the viewer as it looks, with zoom, window and layers, use its own "
    "Save picture (key s)."
)


def offer(view: View) -> None:
    """Picture, animation, volumes and numbers of a view; the look is the user's choice."""
    with st.expander("Export this view", icon=":material/download:", key="box-export"):
        st.caption(f"{STATEMENT} {DRAWN}")
        left, right = st.columns([3, 2], vertical_alignment="bottom")
        panels = left.pills(
            "Panels",
            list(PANELS),
            default=list(PANELS),
            selection_mode="multi",
            format_func=lambda name: PANELS[name][0],
            key="export-panels",
        )
        dark = right.toggle("Dark background", key="export-dark")
        look = Look(tuple(name for name in PANELS if name in panels), dark, palette=palette())
        if not look.panels:
            st.info("Choose at least one panel.")
            return
        _picture(view, look)
        _animation(view, look)
        _data(view)


def button(label: str, name: str, make: Callable[[], bytes | str], key: str) -> None:
    """A download whose file is made when it is clicked, without a rerun of the page."""
    download.button(label, make, name, key=key, icon=":material/download:", width="stretch")


def on_disk(content: bytes) -> IO[bytes]:
    """A file that goes when nobody holds it any more, so that results stay out of memory."""
    file = tempfile.NamedTemporaryFile(prefix="zsad-")  # noqa: SIM115 (as long as it is held)
    file.write(content)
    file.flush()
    return file


def content_of(file: IO[bytes]) -> bytes:
    """What `on_disk` holds."""
    return Path(file.name).read_bytes()


def job_title(view: View) -> str:
    """What the animation's job is called, which all see."""
    spec = view.map
    name = compute.public_name(spec.features.slices)
    return f"Animation of {name} by {configuration_name(spec.method, spec.setup)}"


def _picture(view: View, look: Look) -> None:
    engine = compute.engine()
    columns = st.columns([2, 1, 1], vertical_alignment="bottom")
    scale = columns[0].segmented_control(
        "Picture size",
        SCALES,
        default=2,
        format_func=lambda n: f"{n} ×",
        key="export-scale",
        required=True,
    )
    kinds: tuple[Literal["png", "svg"], ...] = ("png", "svg")
    for column, kind in zip(columns[1:], kinds, strict=True):
        make = partial(picture, engine, view, kind, look, scale)
        with column:
            button(kind.upper(), file_name(view, f".{kind}"), make, f"export-{kind}")


def _animation(view: View, look: Look) -> None:
    left, right = st.columns([2, 2], vertical_alignment="bottom")
    kinds: dict[Literal["gif", "webp"], str] = {"gif": "GIF", "webp": "WebP (smaller)"}
    kind = left.segmented_control(
        "Animation through the slices",
        list(kinds),
        default="gif",
        format_func=kinds.__getitem__,
        key="export-kind",
        required=True,
    )
    engine = compute.engine()

    def work(progress: Progress) -> IO[bytes]:
        return on_disk(animation(engine, view, kind, look, progress))

    with right:
        key = f"animation-{key_of('', view=replace(view, index=0), look=look, kind=kind)}"
        file = compute.job_result(key, job_title(view), work, "Make the animation")
        if file is not None:
            name = file_name(view, f".{kind}", whole=True)
            button(kind.upper(), name, partial(content_of, file), "export-animation")


def _data(view: View) -> None:
    files: tuple[tuple[str, str, Callable[..., bytes | str], str], ...] = (
        ("Map and mask as NIfTI", ".zip", volumes, "export-nifti"),
        ("Numbers as CSV", ".csv", numbers, "export-csv"),
    )
    for column, (label, suffix, make, key) in zip(st.columns(2), files, strict=True):
        with column:
            name = file_name(view, suffix, whole=True)
            button(label, name, partial(make, compute.engine(), view), key)
