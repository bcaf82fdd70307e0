"""Every trial of a prompt set with its numbers: appended to one file in `ZSAD_HOME`, never lost.

Trials on scans that a user uploaded lie beside those scans, seen by nobody else and gone with them.
A line is a JSON object: a trial, or a star or note given to one later. Several sessions may append
at once; a line that a crash cut short is passed over.
"""

import functools
import json
import os
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zsad_core.base.atomic import locked, on_disk
from zsad_core.base.paths import home
from zsad_core.base.store import key_of
from zsad_core.metrics.readout import Readout
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, MapSpec, PromptSet, Threshold


@dataclass(frozen=True)
class Trial:
    """A prompt set shown on a subject: 3D Dice at a threshold, best (oracle) Dice, voxel AUROC.

    `threshold` is a value of the method's range. Trials of older versions have a `level` of 256 in
    its place, on which their numbers were ranked too, and are not compared with others. `by_hand`
    says that its texts were edited while this subject's numbers were in view. `time` is UTC,
    ISO 8601. `star` and `note` were given later.
    """

    id: str
    time: str
    data: DataSpec
    subject: str
    modality: str
    method: str
    setup: str
    prompts: PromptSet
    by_hand: bool
    threshold: float | None
    rule: str
    dice: float
    best_dice: float
    auroc: float
    star: bool = False
    note: str = ""
    level: int | None = None

    @property
    def content(self) -> str:
        """A name of what the method read: equal for equal texts, whatever they are called."""
        return content_of(self.prompts)

    @property
    def line(self) -> tuple[object, ...]:
        """What is alike in trials that can be compared: all but the prompts and their numbers."""
        ranked_on_levels = self.level is not None
        return (self.data, self.subject, self.modality, self.method, self.setup, ranked_on_levels)


def content_of(prompts: PromptSet) -> str:
    """A short digest of what a method reads of a set."""
    return key_of("", prompts=prompt_sets.content(prompts))[:12]


def add(
    spec: MapSpec,
    found: Readout,
    threshold: Threshold,
    by_hand: bool = False,
    beside: Collection[str] = (),
) -> Trial | None:
    """Append a trial by its volume's numbers; nothing without lesion, or a second time.

    A set that was shown before is by hand only on the subjects where its texts were new: those
    that were looked at together, `beside` the trial's own.
    """
    slices, dice = spec.features.slices, found.dice_3d
    best, auroc = found.best_dice, found.auroc
    if dice is None or best is None or auroc is None:
        return None
    trial = Trial(
        uuid.uuid4().hex[:12],
        datetime.now(UTC).isoformat(timespec="seconds"),
        slices.data,
        slices.subject,
        slices.modality,
        spec.method,
        spec.setup,
        spec.prompts,
        by_hand,
        threshold.value,
        threshold.rule,
        dice,
        best,
        auroc,
    )
    every = {*trials(), *trials(slices.data)}
    known = [one for one in every if one.content == trial.content]
    if any(one.line == trial.line and one.threshold == trial.threshold for one in known):
        return None
    new = all(one.subject in beside for one in known)
    trial = replace(trial, by_hand=by_hand and new)
    fields = {name: value for name, value in vars(trial).items() if name not in ("star", "note")}
    plain = {**fields, "data": vars(trial.data), "prompts": vars(trial.prompts)}
    _append({"trial": plain}, slices.data)
    return trial


def star(trial: Trial, on: bool) -> None:
    """Star a trial, or take its star."""
    _append({"of": trial.id, "star": on}, trial.data)


def note(trial: Trial, text: str) -> None:
    """Give a trial a note, in place of an earlier one."""
    _append({"of": trial.id, "note": text}, trial.data)


def trials(data: DataSpec | None = None) -> tuple[Trial, ...]:
    """Trials on shared data, or on a user's uploads; the oldest first, with last star and note."""
    path = _path(data)
    return _read(path, path.stat().st_size) if path.exists() else ()


def change(trial: Trial, before: Sequence[Trial]) -> Trial | None:
    """The last trial before it that can be compared with it: same subject, method and setup."""
    return next((one for one in reversed(before) if one.line == trial.line), None)


@functools.lru_cache(4)
def _read(path: Path, size: int) -> tuple[Trial, ...]:
    found: dict[str, Trial] = {}
    for line in path.read_bytes()[:size].splitlines():
        try:
            item = json.loads(line)
            if "trial" in item:
                trial = _parsed(item["trial"])
                found[trial.id] = trial
            elif item["of"] in found:
                later = {key: item[key] for key in ("star", "note") if key in item}
                found[item["of"]] = replace(found[item["of"]], **later)
        except (ValueError, TypeError, KeyError):
            continue  # cut short by a crash, or of another version
    return tuple(found.values())


def _parsed(item: dict[str, Any]) -> Trial:
    lists: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in item["prompts"].items()
    }
    item = {"threshold": None, **item}
    return Trial(**{**item, "data": DataSpec(**item["data"]), "prompts": PromptSet(**lists)})


def _append(item: dict[str, Any], data: DataSpec) -> None:
    """One write of a whole line, on the disk before it returns."""
    path = _path(data)
    line = json.dumps(item, ensure_ascii=False, allow_nan=True).encode() + b"\n"
    with locked(path), on_disk(path), path.open("ab+") as file:
        if file.tell() and not _ends_with_line(file.fileno()):
            line = b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _ends_with_line(descriptor: int) -> bool:
    return os.pread(descriptor, 1, os.fstat(descriptor).st_size - 1) == b"\n"


def _path(data: DataSpec | None) -> Path:
    return (Path(data.root) if data and data.private else home()) / "history.jsonl"
