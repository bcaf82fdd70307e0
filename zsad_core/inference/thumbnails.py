"""Small pictures of a view: what was found, wrongly found and missed, over the scan."""

import base64
import io

import numpy as np
from PIL import Image
from scipy import ndimage

from zsad_core.base.overlay import over, overlay, rings
from zsad_core.base.palette import CLASSES, Classes
from zsad_core.base.store import key_of
from zsad_core.inference import views
from zsad_core.inference.engine import Engine
from zsad_core.inference.evaluation import map_key
from zsad_core.inference.views import View
from zsad_core.metrics.boxes import box_of
from zsad_core.types import ByteArray, MaskArray, SliceStack

SIDE = 320  # pixels


def as_address(picture: ByteArray) -> str:
    """A picture, (H, W) or (H, W, 3), as a `data:` address that holds it whole, in PNG."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def thumbnail(engine: Engine, view: View, palette: Classes = "classic") -> ByteArray:
    """The view's slice as `draw` makes it, (SIDE, SIDE, 3): made once, then kept in the store.

    Features that lack are encoded first; raises what `views.mask_of` raises.
    """
    key = _key(engine, view, palette)
    stored = engine.store.read(key, "picture")
    if stored is not None:
        return stored
    return engine.store.write(key, "picture", draw(engine, view, palette), view)


def stored_thumbnail(engine: Engine, view: View, palette: Classes = "classic") -> ByteArray | None:
    """The thumbnail if it was made before; no scan is read for it."""
    if engine.known_digest(view.map.features.slices) is None:
        return None
    return engine.store.read(_key(engine, view, palette), "picture")


def _key(engine: Engine, view: View, palette: Classes) -> str:
    return key_of(
        map_key(engine, view.map),
        what="thumbnail",
        labels=view.map.features.slices.data.labels,
        index=view.index,
        readout=views.readout_of(view),
        palette=palette,
        ringed=True,
    )


def draw(engine: Engine, view: View, palette: Classes = "classic", side: int = SIDE) -> ByteArray:
    """The view's slice, (side, side, 3): `classes` in true proportions, cropped to the brain.

    The crop holds the brain of every slice, so that slices of one volume compare. A white ring lies
    around each part of the truth that shares no pixel with the prediction.
    """
    stack, predicted = views.stack_of(engine, view), views.mask_of(engine, view)
    truth = None if stack.truth is None else stack.truth[view.index]
    picture = classes(stack.image[view.index], truth, predicted, palette)
    if truth is not None:
        picture[rings(truth, predicted)] = 255
    return framed(picture, stack, side)


def without_map(engine: Engine, view: View, side: int = SIDE) -> ByteArray:
    """The scan with the outline of its truth, (side, side, 3), in the frame of `draw`."""
    stack = views.stack_of(engine, view)
    return framed(outlined(stack, view.index), stack, side)


def outlined(stack: SliceStack, index: int) -> ByteArray:
    """A slice with the outline of its truth, (H, W, 3)."""
    picture = np.repeat(stack.image[index][..., None], 3, axis=2)  # (H, W, 3)
    if stack.truth is not None:
        truth = stack.truth[index]
        picture[truth & ~ndimage.binary_erosion(truth)] = CLASSES["classic"][3]
    return picture


def framed(picture: ByteArray, stack: SliceStack, side: int) -> ByteArray:
    """A slice's picture (H, W, 3) as `draw` crops and sizes it, (side, side, 3)."""
    if stack.brain.any():
        _, rows, columns = box_of(stack.brain)
        picture = picture[rows, columns]
    high, wide = picture.shape[0] * stack.pixel_mm[0], picture.shape[1] * stack.pixel_mm[1]
    size = [max(1, round(side * mm / max(high, wide))) for mm in (wide, high)]
    scaled = Image.fromarray(picture).resize((size[0], size[1]), Image.Resampling.BICUBIC)
    ground = Image.new("RGB", (side, side))
    ground.paste(scaled, ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.array(ground)


def classes(
    image: ByteArray, truth: MaskArray | None, predicted: MaskArray, palette: Classes = "classic"
) -> ByteArray:
    """The classes of truth against prediction, all (H, W), laid over the slice: (H, W, 3).

    >>> slice_, none = np.zeros((1, 2), np.uint8), np.zeros((1, 2), bool)
    >>> classes(slice_, none, ~none)[0, 0].tolist() == [int(0.55 * c) for c in (255, 65, 54)]
    True
    """
    return over(image, *overlay(truth, predicted, palette))
