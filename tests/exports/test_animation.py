import io
import json

import numpy as np
import pytest
from PIL import Image

from zsad_core.errors import Cancelled
from zsad_core.exports.animation import animation
from zsad_core.exports.reading import read
from zsad_core.exports.words import NO_DEVICE


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_an_animation_has_every_slice_with_brain_and_says_what_it_is(engine, view, kind):
    slices, steps = read(engine, view).filled, []
    content = animation(engine, view, kind, progress=lambda *step: steps.append(step))
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == kind.upper()
        assert image.n_frames == len(slices)
        assert steps[-1] == (len(slices), len(slices))
        assert image.info["loop"] == 0
        if kind == "gif":
            told = image.info["comment"].decode()
        else:
            told = "\n".join(json.loads(image.getexif()[270]).values())
        first = np.asarray(image.convert("RGB")).astype(int)
        image.seek(len(slices) // 2)
        later = np.asarray(image.convert("RGB")).astype(int)
    assert NO_DEVICE in told
    assert "DEMO-MET-013-000" in told
    moved = np.abs(later - first).max(axis=2) > 40
    assert moved[100:-200].any()  # the panels
    assert not moved[-60:].any()  # the small print


def test_a_cancel_ends_it(engine, view):
    def stop(done, total):
        if done == 3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        animation(engine, view, progress=stop)
