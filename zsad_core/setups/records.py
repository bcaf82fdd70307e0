"""Whom a checkpoint trained here has seen: ids and voxels in its record."""

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from urllib.parse import quote, unquote

UNKNOWN = "unknown"  # the digest of a scan that was not read


def seen(record: Mapping[str, str], part: str) -> dict[str, str]:
    """The digests of voxels by id of those in a part of a record, "train" or "validation".

    >>> seen({"train_subjects": "a case%201", "train_voxels": "0f"}, "train")
    {'a': '0f', 'case 1': 'unknown'}
    """
    names, digests = (record.get(f"{part}_{what}", "").split() for what in ("subjects", "voxels"))
    return {unquote(n): d for n, d in zip_longest(names, digests, fillvalue=UNKNOWN)}


def noted(part: str, names: Iterable[str], digests: Iterable[str]) -> dict[str, str]:
    """What a record says of a part; ids of files may hold spaces, which stand between ids here.

    >>> noted("train", ["a", "case 1"], ["0f", "1e"])
    {'train_subjects': 'a case%201', 'train_voxels': '0f 1e'}
    """
    ids = " ".join(quote(name, safe="/") for name in names)
    return {f"{part}_subjects": ids, f"{part}_voxels": " ".join(digests)}
