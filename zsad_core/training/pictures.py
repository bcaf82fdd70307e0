"""What a 2D image set gives to train on: images, masks, labels and class names."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zsad_core.backbones.pixels import sized
from zsad_core.errors import SettingError
from zsad_core.imaging import image_sets
from zsad_core.imaging.image_sets import Picture
from zsad_core.methods.encoder import Encoder
from zsad_core.methods.learner import Examples
from zsad_core.training.examples import batches, joined, squashed
from zsad_core.types import Progress


def chosen(
    root: str, kind: str, leave_out: Sequence[str], unmasked: bool
) -> tuple[list[Picture], list[Picture], str]:
    """Images to train on and held-out ones of a set, and the rule that parts them, in words.

    Classes named in `leave_out` are not used: those to be tested later. Abnormal images without a
    mask, and classes without any, are used only where labels alone teach something.
    Raises DataError, SettingError.
    """
    images = image_sets.pictures(Path(root).expanduser(), kind)
    unknown = set(leave_out) - {picture.class_name for picture in images}
    if unknown:
        names = ", ".join(sorted({picture.class_name for picture in images}))
        raise SettingError(
            f"--leave-out: there is no class '{sorted(unknown)[0]}' in '{root}'; it has {names}."
        )
    drawn = {picture.class_name for picture in images if picture.mask is not None}
    used = [p for p in images if p.class_name not in leave_out]
    if not unmasked:
        used = [p for p in used if p.class_name in drawn and (p.mask or not p.abnormal)]
    return image_sets.split(used)


def of_pictures(
    encoder: Encoder, chosen: Sequence[Picture], progress: Progress | None = None
) -> Examples:
    """Images at the side of the input with their masks; raises DataError for an unreadable one.

    All are taken as RGB and lose their aspect, as in the official trainings; a mask is resized
    bilinear and cut at one half.
    """
    parts, masks, side = [], [], encoder.recipe.image_size
    for batch in batches(len(chosen), progress):
        images = []
        for picture in chosen[batch]:
            image, mask = image_sets.read(picture)
            images.append(sized(image[None], side)[0])
            masks.append(squashed(mask[None], encoder.side)[0])
        parts.append(encoder.features(np.stack(images)))
    tokens, first = joined(parts)
    labels = np.array([picture.abnormal for picture in chosen])
    names = tuple(picture.class_name for picture in chosen)
    return Examples(tokens, np.stack(masks), first, labels=labels, classes=names)
