"""The slices of a view as an animated GIF or WebP."""

import io
import json
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from zsad_core.base.progress import tracked
from zsad_core.errors import SettingError
from zsad_core.exports.picture import SlicePicture
from zsad_core.exports.reading import read
from zsad_core.exports.scene import LOOK, Look
from zsad_core.exports.statement import statement
from zsad_core.inference.engine import Engine
from zsad_core.inference.views import View
from zsad_core.types import Progress

Kind = Literal["gif", "webp"]
MILLISECONDS, DPI = 100, 75  # of a slice, and pixels an inch
DESCRIPTION = 270  # the Exif tag ImageDescription
FEW = Image.Quantize.FASTOCTREE  # keeps rare colours, such as the outlines'


def animation(
    engine: Engine,
    view: View,
    kind: Kind = "gif",
    look: Look = LOOK,
    progress: Progress | None = None,
) -> bytes:
    """Every slice with brain, from the first to the last, repeated.

    The statement is the GIF's comment or the WebP's description. Raises ZsadError, and
    Cancelled where `progress` does.
    """
    reading = read(engine, view, progress)
    words, stream = statement(engine, reading, whole=True), io.BytesIO()
    if not reading.filled:
        raise SettingError(f"{words.title} is empty, so there is nothing to animate.")
    frames = _frames(SlicePicture(reading, words, look), reading.filled, kind, progress)
    first = next(frames)
    looks: dict[str, Any] = {"save_all": True, "append_images": frames, "loop": 0}
    looks["duration"] = MILLISECONDS
    if kind == "gif":
        first.save(stream, "GIF", comment=words.lines().encode(), **looks)
    else:
        exif = Image.Exif()
        exif[DESCRIPTION] = json.dumps(words.facts)
        first.save(stream, "WEBP", quality=85, method=2, exif=exif, **looks)
    return stream.getvalue()


def _frames(
    picture: SlicePicture, slices: list[int], kind: Kind, progress: Progress | None
) -> Iterator[Image.Image]:
    """A frame for each slice, of which only `moving` is drawn again; in a GIF of 256 colours."""
    figure, moving = picture.scene.figure, picture.scene.moving
    figure.set_dpi(DPI)
    for artist in moving:
        artist.set_animated(True)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    still = canvas.copy_from_bbox(figure.bbox)
    for index in tracked(slices, progress):
        picture.show(index)
        canvas.restore_region(still)
        for artist in moving:
            figure.draw_artist(artist)
        frame = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
        yield frame.quantize(256, FEW) if kind == "gif" else frame
