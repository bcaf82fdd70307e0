"""Scans with maps of known values for the viewer: float32 of 0 to 1, cut at 256 thresholds."""

from dataclasses import dataclass, replace

import numpy as np

from pages.ui.viewer import ViewerVolume

EVEN = np.linspace(0, 1, 256, dtype=np.float32)


@dataclass(frozen=True)
class Phantom:
    """A scan, the values (S, H, W) of a map over it, and the map's thresholds (256,)."""

    volume: ViewerVolume
    values: np.ndarray
    thresholds: np.ndarray

    def counts(self, threshold: float, part: object = ...) -> tuple[int, int, int]:
        """True positives, false positives and false negatives of some slices."""
        brain, truth = self.volume.brain[part], self.volume.truth[part]
        predicted = (self.values[part] >= np.float32(threshold)) & brain
        return tuple(
            int(one.sum()) for one in (predicted & truth, predicted & ~truth, truth & ~predicted)
        )


def other_grid(thresholds: np.ndarray) -> np.ndarray:
    """Other thresholds, with only 0, 1 and that at 90 among both."""
    others = thresholds**2
    others[np.searchsorted(others, thresholds[90])] = thresholds[90]
    return others


def small() -> Phantom:
    """Slice k shines with 10 + 5 k; Dice of slices 8 to 15 is 2/3 at 128/255, 0.8 at 100/255."""
    image = np.zeros((40, 60, 50), np.uint8)
    brain = np.zeros(image.shape, bool)
    brain[2:38, 5:55, 5:45] = True
    image[brain] = np.broadcast_to((10 + 5 * np.arange(40))[:, None, None], image.shape)[brain]
    truth = np.zeros(image.shape, bool)
    truth[8:16, 20:30, 10:20] = True
    levels = np.where(brain, 30, 255).astype(np.uint8)
    levels[8:16, 20:30, 10:15] = 200
    levels[8:16, 20:30, 15:20] = 120
    levels[8:16, 40:45, 30:40] = 120
    labels = np.where(np.arange(50) < 15, 1, 2) * truth
    volume = ViewerVolume(image, brain, truth, labels.astype(np.uint8))
    return Phantom(volume, EVEN[levels], EVEN)


def with_second_lesion(volume: ViewerVolume) -> ViewerVolume:
    """Another lesion, missed as a whole."""
    truth = volume.truth.copy()
    truth[25:31, 40:44, 30:34] = True
    return replace(volume, truth=truth)


def big() -> Phantom:
    """Of the size of a real scan, 155 slices of 240 x 240 pixels."""
    z, y, x = np.mgrid[-1:1:155j, -1:1:240j, -1:1:240j].astype(np.float32)
    brain = (z / 0.9) ** 2 + (y / 0.85) ** 2 + (x / 0.68) ** 2 < 1
    texture = 0.5 + 0.25 * np.sin(14 * x) * np.cos(11 * y + 5 * z) - 0.3 * (x**2 + y**2)
    lesion = np.exp(-(((x - 0.3) / 0.17) ** 2 + ((y + 0.2) / 0.2) ** 2 + ((z - 0.1) / 0.25) ** 2))
    noise = np.random.default_rng(0).normal(0, 0.05, brain.shape).astype(np.float32)
    image = np.where(brain, np.clip(texture + 0.5 * lesion + noise, 0, 1) * 255, 0)
    shifted = np.exp(
        -(((x - 0.25) / 0.2) ** 2 + ((y + 0.15) / 0.2) ** 2 + ((z - 0.12) / 0.22) ** 2)
    )
    false = 0.65 * np.exp(-(((x + 0.35) / 0.1) ** 2 + ((y - 0.4) / 0.1) ** 2 + (z / 0.2) ** 2))
    values = np.clip(0.85 * shifted + false + 0.12 + 0.3 * noise, 0, 1)
    volume = ViewerVolume(image.astype(np.uint8), brain, (lesion > 0.45) & brain)
    return Phantom(volume, values, EVEN)


def saturated() -> Phantom:
    """Most values are close to 0 or 1, a tenth are 1; half of the brain lies below 1/256.

    The thresholds are of the map's own values, 0.5 and 0.9 among them.
    """
    z, y, x = np.mgrid[-1:1:24j, -1:1:44j, -1:1:38j]
    brain = x**2 + y**2 + z**2 < 0.9
    lesion = (x - 0.3) ** 2 + (y + 0.2) ** 2 + z**2 < 0.1
    random = np.random.default_rng(1)
    logits = random.normal(-8, 5, brain.shape) + 11 * lesion + 6 * random.normal(0, 1, (24, 1, 1))
    values = np.where(random.random(brain.shape) < 0.1, 1, 1 / (1 + np.exp(-logits)))
    values = values.astype(np.float32)
    levels = np.unique(np.quantile(values[brain], np.linspace(0, 1, 254), method="nearest"))
    thresholds = np.full(256, levels[-1], np.float32)
    marked = np.unique(np.concatenate([[0, 0.5, 0.9], levels]).astype(np.float32))
    thresholds[: len(marked)] = marked
    image = (40 + 160 * lesion + random.integers(0, 40, brain.shape)) * brain
    truth = lesion.copy()
    truth[11, :2, :9] = True  # outside the brain, so never found
    return Phantom(ViewerVolume(image.astype(np.uint8), brain, truth), values, thresholds)


PHANTOMS = {"small": small, "big": big, "saturated": saturated}
