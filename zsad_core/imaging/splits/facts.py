"""What a split needs to know of the scans: which are equal, and how large the lesions are."""

import hashlib
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zsad_core.base.lru_cache import LruCache
from zsad_core.base.paths import cached
from zsad_core.base.progress import tracked
from zsad_core.errors import DataError
from zsad_core.types import Progress, Volume

if TYPE_CHECKING:  # it imports splits
    from zsad_core.imaging.datasets import Dataset

FILE = "scan-facts.json"


@dataclass(frozen=True)
class ScanFacts:
    """`voxels` is a SHA-256 of the intensities on the RAS+ grid, whatever the file; `lesion_ml` is
    None where there is no segmentation."""

    voxels: str
    lesion_ml: float | None


_KNOWN: LruCache[ScanFacts] = LruCache(2**14)
"""Facts by the stamp of their scan."""


def scan_facts(scans: "Dataset", progress: Progress | None = None) -> dict[str, ScanFacts]:
    """Facts of each subject that can be read, by id, kept in the cache until its files change.

    One modality of each is read: the one that most subjects have, so that copies under two names
    meet.
    """
    usable = [subject for subject in scans.subjects() if not subject.problem]
    common = Counter(name for subject in usable for name in subject.modalities).most_common(1)
    facts = {}
    for subject in tracked(usable, progress):
        modality = common[0][0] if common[0][0] in subject.modalities else subject.modalities[0]
        with suppress(DataError):  # the data set notes it beside the subject
            facts[subject.id] = facts_of(scans, subject.id, modality)
    return facts


def voxel_digest(volume: Volume) -> str:
    """SHA-256 of shape and intensities: equal for copies whose header or compression differ."""
    values = np.ascontiguousarray(volume.intensity, np.float32)
    return hashlib.sha256(repr(values.shape).encode() + values.tobytes()).hexdigest()


def facts_of(scans: "Dataset", subject: str, modality: str) -> ScanFacts:
    """Facts of one scan, kept in memory and cache until its files change; raises DataError."""

    def read() -> tuple[str, float | None]:
        volume = scans.load(subject, modality)
        if volume.truth is None:
            return voxel_digest(volume), None
        voxel_ml = abs(float(np.linalg.det(volume.affine[:3, :3]))) / 1000
        return voxel_digest(volume), round(float(volume.truth.sum() * voxel_ml), 6)

    def facts() -> ScanFacts:
        voxels, lesion_ml = cached(FILE, stamp, read) if stamp else read()
        return ScanFacts(str(voxels), None if lesion_ml is None else float(lesion_ml))

    stamp = scans.stamp(subject, modality)
    return _KNOWN.get(stamp, facts) if stamp else facts()
