"""What all sessions share: the store, the device, one copy of each tower, few volumes."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from zsad_core import backbones
from zsad_core.base.arrays import Arrays
from zsad_core.base.jobs import DeviceQueue, JobBoard
from zsad_core.base.lru_cache import LruCache
from zsad_core.base.paths import cache_bytes, cache_root, cached, feature_bytes
from zsad_core.base.store import Store, key_of
from zsad_core.errors import StorageError
from zsad_core.imaging import datasets, slicing
from zsad_core.methods.aligned import Aligned
from zsad_core.types import (
    AnomalyMap,
    BackboneSpec,
    FeatureSpec,
    FloatArray,
    Precision,
    Progress,
    SliceSpec,
    SliceStack,
    Threshold,
    Volume,
)

if TYPE_CHECKING:
    from zsad_core.backbones.tower import Tower

VOXELS = "voxel-volumes.json"
SHARE, LEAST = 8, 2**30  # of the device's memory for features, and bytes at least


class Engine:
    """Shared resources, safe to use from several threads; the stages are in `pipeline`.

    With a `MemoryStore` features stay as they were computed, else they are rounded to float16.
    """

    def __init__(self, store: Arrays | None = None, device: str | None = None) -> None:
        self.store: Arrays = store or Store(cache_root() / "store", cache_bytes())
        self._device = device
        self.queue = DeviceQueue()
        self.jobs = JobBoard()
        self.maps: LruCache[AnomalyMap] = LruCache(6)
        self.texts: LruCache[FloatArray] = LruCache(4096)  # sentences
        self.sides: LruCache[FloatArray] = LruCache(16)
        self.thresholds: LruCache[Threshold] = LruCache(64)
        self._added: dict[SliceSpec, Volume | SliceStack] = {}
        self._digests: LruCache[str] = LruCache(4096)
        self._volumes: LruCache[Volume] = LruCache(3)
        self._stacks: LruCache[SliceStack] = LruCache(4)
        self._towers: LruCache[Tower] = LruCache(2)

    @functools.cached_property
    def device(self) -> str:
        """Where towers run, by default on the GPU where there is one."""
        return self._device or backbones.default_device()

    @functools.cached_property
    def aligned(self) -> LruCache[Aligned]:
        """What an edit of the prompts reads, on the device, the least recently used goes first."""
        return LruCache(feature_limit(self.device), lambda value: value.bytes)

    @functools.cached_property
    def batch(self) -> int:
        """Slices encoded at once for what is looked at; where memory runs out, fewer."""
        return backbones.slices_at_once(self.device)

    def precision(self) -> Precision:
        """The faster precision of this device, timed once and remembered."""
        return backbones.fastest_precision(self.device)

    def add(self, spec: SliceSpec, scan: Volume | SliceStack) -> None:
        """Hold a scan of no data set, or slices such as 2D images, for as long as the engine."""
        self._added[spec] = scan

    def volume(self, spec: SliceSpec, progress: Progress | None = None) -> Volume:
        """The scan, from memory if it is one of the last few; raises DataError."""
        added = self._added.get(replace(spec, plane="axial"))
        if isinstance(added, Volume):
            return added
        dataset = datasets.open_dataset(spec.data)
        return self._volumes.get(
            replace(spec, plane="axial"),  # one scan, whatever the plane
            lambda: dataset.load(spec.subject, spec.modality, progress=progress),
        )

    def digest(self, spec: SliceSpec) -> str:
        """SHA-256 of the scan's files, kept until they change; raises DataError."""
        whole = replace(spec, plane="axial")
        return self._digests.get(whole, lambda: self.known_digest(spec) or self._read_digest(whole))

    def known_digest(self, spec: SliceSpec) -> str | None:
        """The digest if the scan was read before and its files are the same; reads no scan."""
        whole = replace(spec, plane="axial")
        if (added := self._added.get(whole)) is not None:
            return added.digest
        remembered = self._digests.peek(whole)
        if remembered is not None:
            return remembered
        stamp = _stamp(spec)
        stored = self.store.read(_digest_key(stamp), "digest") if stamp else None
        return None if stored is None else stored.tobytes().hex()

    def _read_digest(self, spec: SliceSpec) -> str:
        digest = self.volume(spec).digest
        if stamp := _stamp(spec):
            stored = np.frombuffer(bytes.fromhex(digest), np.uint8)
            with contextlib.suppress(StorageError):  # then it is read again
                self.store.write(_digest_key(stamp), "digest", stored, spec)
        return digest

    def stack(self, spec: SliceSpec, progress: Progress | None = None) -> SliceStack:
        """The scan as slices, (S, H, W) uint8 under one intensity window; raises DataError."""
        added = self._added.get(spec)
        if isinstance(added, SliceStack):
            return added
        return self._stacks.get(
            spec, lambda: slicing.to_slices(self.volume(spec, progress), spec.plane)
        )

    def voxel_ml(self, spec: SliceSpec) -> float:
        """Volume of a voxel in ml, kept until the scan's files change; raises DataError."""

        def read() -> float:
            return self.stack(spec).voxel_ml

        stamp = _stamp(spec)
        return cached(VOXELS, stamp, read) if stamp else read()

    def has_stack(self, spec: SliceSpec) -> bool:
        """Whether the slices are in memory."""
        return spec in self._stacks

    def tower(self, backbone: BackboneSpec, precision: Precision) -> Tower:
        """The backbone on the device; at most two are held. Raises WeightsError."""
        return self._towers.get(
            (backbone, precision, backbones.info(backbone).digest),
            lambda: backbones.load(backbone, self.device, precision),
        )

    @contextlib.contextmanager
    def turn(self, spec: FeatureSpec, priority: int, last_bits: bool = False) -> Iterator[Tower]:
        """The tower of a spec, in a turn on the device.

        Where a method hangs on `last_bits` and features are exact, it sums as official codes do.
        """
        from zsad_core.backbones.tower import official_sums

        official = last_bits and self.store.exact
        sums = official_sums() if official else contextlib.nullcontext()
        with self.queue.turn(priority), sums:
            yield self.tower(spec.backbone, spec.precision)

    def forget(self) -> None:
        """Drop what is held in memory of scans and maps, for data or setups that changed."""
        self._digests.clear()
        self._volumes.clear()
        self._stacks.clear()
        self.maps.clear()
        self.aligned.clear()
        self.thresholds.clear()


def feature_limit(device: str) -> int:
    """Most bytes of features that a device's memory holds; raises SettingError."""
    return feature_bytes(max(backbones.memory_bytes(device) // SHARE, LEAST))


def _stamp(spec: SliceSpec) -> str:
    return datasets.open_dataset(spec.data).stamp(spec.subject, spec.modality)


def _digest_key(stamp: str) -> str:
    return key_of(stamp, what="digest of a scan")
