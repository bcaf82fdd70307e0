"""Mutual 3D: cubes of a volume that nothing like them is found for in other volumes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zsad_core.backbones import TowerInfo
from zsad_core.backbones.lazy import torch
from zsad_core.errors import SettingError
from zsad_core.methods.base import VolumeMethod
from zsad_core.methods.grids import grid_of
from zsad_core.methods.mutual3d.setups import SETUPS
from zsad_core.types import ByteArray, Cubes, FloatArray, MaskArray, Recipe

if TYPE_CHECKING:
    from torch import Tensor

    from zsad_core.backbones.tower import Tower

ALONE = 2.0  # beyond any distance: no cube of that volume is near


@dataclass(frozen=True)
class Mutual3d(VolumeMethod):
    """Our reading of MuSc (Li et al. 2024, arXiv 2401.16753) in the volume, as CoDeGraph3D (Le-Gia
    and Ahn 2026, arXiv 2602.15315) proposes; no parity with either is claimed.

    Slices along three axes go through the tower; their patch tokens are averaged to one token for
    each cube of the volume, axis and tap, centred, scaled to unit length and joined over the axes.
    A cube's distance to another volume is the smallest Euclidean distance of its token to those
    of that volume's cubes at most `radius` cubes away; its score is the mean over the `low` share
    of the volumes with the smallest distances, then over taps. Range 0 … 1: a distance above 1
    (60 degrees apart) counts as 1. The truth of no volume is read.

    Differences from MuSc: cubes for patches; one size of neighbourhood, the cube, for averages
    over 1, 3 and 5 patches; one tap for four; no re-scoring of whole images; and `radius`, where
    MuSc compares with every patch: it supposes volumes that lie alike, as those of BraTS do.
    From CoDeGraph3D: anomalies that many volumes share are not looked for; only its abstract was
    read, so what else differs is NOT FOUND. `radius` and the tap were chosen on the synthetic
    validation subjects, where lesions find their like in other volumes: voxel AUROC 0.51 without
    a radius, 0.78 with 1 (four taps, all slices); 0.80 with the tap after half of the blocks alone,
    0.79 from 5 slices of a layer.
    """

    image_size: int = 0
    taps: tuple[int, ...] = ()
    radius: int = 1
    low: float = 0.3
    slices: int = 5

    name = "mutual3d"
    title = "Mutual 3D (our reading of MuSc and CoDeGraph3D)"
    source = "our reading of arXiv 2401.16753 and 2602.15315; neither code was read"
    setups = SETUPS
    planes = ("axial", "coronal", "sagittal")

    def recipe(self, info: TowerInfo) -> Recipe:
        """The tap after half of the blocks, or those set; a patch's side is a cube's."""
        side, grid = grid_of(info, self.image_size)
        taps = tuple(sorted(set(self.taps))) or (info.visual_blocks // 2,)
        if not 1 <= taps[0] <= taps[-1] <= info.visual_blocks:
            raise SettingError(
                f"Taps {', '.join(map(str, taps))}: '{info.name}' has {info.visual_blocks} blocks; "
                f"choose from 1 to {info.visual_blocks}."
            )
        name, activation = f"cubes of {self.slices} slices", info.activation or "gelu"
        return Recipe(name, side, grid, taps=taps, activation=activation, reach=0)

    def chosen(self, count: int) -> list[int]:
        """`slices` of a layer's `count`, evenly spaced; all where it has fewer.

        >>> Mutual3d(slices=3).chosen(6), Mutual3d(slices=3).chosen(2)
        ([1, 3, 5], [0, 1])
        """
        slices = min(self.slices, count)
        return [(2 * i + 1) * count // (2 * slices) for i in range(slices)]

    def encode_layer(
        self, tower: Tower, images: ByteArray, recipe: Recipe, retained: MaskArray
    ) -> FloatArray:
        """Mean over the slices of the residual stream of retained patches, (P, L, width)."""
        everywhere = np.broadcast_to(retained, (len(images), *retained.shape))
        taps = tower.early_taps(images, recipe, everywhere)
        rows = torch.from_numpy(np.flatnonzero(retained)).to(taps[0].device)
        means = torch.stack([tap.float().mean(dim=0)[rows] for tap in taps], dim=1)
        return np.asarray(means.cpu().numpy())

    def cube_scores(self, cubes: Cubes, others: Iterable[Cubes]) -> FloatArray:
        """Mean distance to the nearest `low` share, rounded up, of the volumes with a cube near.

        0 where none has one.
        """
        own = _joined(cubes.tokens)
        distances = np.stack([self._distances(own, cubes, other) for other in others])  # (N, L, P)
        distances.sort(axis=0)
        count = (distances < ALONE).sum(axis=0)  # (L, P)
        lowest = np.ceil(count * self.low).astype(np.int64)
        rank = np.arange(len(distances))[:, None, None]
        total = np.where(rank < lowest, distances, 0).sum(axis=0)
        mean = total / np.maximum(lowest, 1)
        return np.asarray(np.minimum(mean, self.high).mean(axis=0).astype(np.float32))

    def _distances(self, own: Tensor, cubes: Cubes, other: Cubes) -> FloatArray:
        """Smallest distance (L, P) of each cube to those of one other volume."""
        theirs, smallest = _joined(other.tokens), np.full(own.shape[:2], ALONE, np.float32)
        for first in np.unique(cubes.positions[:, 0]):
            mine = np.flatnonzero(cubes.positions[:, 0] == first)
            near = np.flatnonzero(self._near(other.positions[:, 0], first))
            if not len(near):
                continue
            pairs = cubes.positions[mine, None], other.positions[None, near]
            apart = ~self._near(*pairs).all(axis=2)
            cosine = own[:, mine] @ theirs[:, near].transpose(1, 2)  # (L, mine, near)
            cosine.masked_fill_(torch.from_numpy(apart), -1)
            distance = torch.sqrt((2 - 2 * cosine.amax(dim=2)).clamp(min=0))
            smallest[:, mine] = distance.numpy()
        return smallest

    def _near(self, places: np.ndarray, others: np.ndarray) -> MaskArray:
        return np.asarray(np.abs(places - others) <= self.radius)


def _joined(tokens: FloatArray) -> Tensor:
    """Tokens (P, planes, L, E) as unit vectors (L, P, planes * E)."""
    vectors = torch.from_numpy(tokens.astype(np.float32))
    vectors = vectors - vectors.mean(dim=-1, keepdim=True)
    vectors = torch.nn.functional.normalize(vectors, dim=-1) / vectors.shape[1] ** 0.5
    return vectors.permute(2, 0, 1, 3).flatten(2)
