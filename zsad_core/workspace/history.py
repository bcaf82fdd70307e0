"""Every trial of a prompt set with its numbers: appended to one file in a `home`, never lost.

Trials on scans that a user uploaded lie beside those scans, seen by nobody else and gone with them.
A line is a JSON object: a trial, or what one was given later: name, star, note, threshold and Dice,
or that it was deleted. A deleted trial is shown no more, but its subject has still seen its texts.
Several sessions may append at once; a line that a crash cut short is passed over.
"""

import functools
import json
import math
import os
import threading
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zsad_core.base import paths
from zsad_core.base.atomic import locked, on_disk
from zsad_core.base.lru_cache import LruCache
from zsad_core.base.store import key_of
from zsad_core.errors import SettingError
from zsad_core.imaging.uploads import folders
from zsad_core.metrics.readout import Readout
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, MapSpec, PromptSet, ReadoutSpec, Threshold

HEAD = 64  # bytes that tell one file from another: the id of its first trial is among them
GIVEN = ("star", "note", "deleted")  # what a trial is given later
LONGEST_NAME = 80  # characters
USUAL = ReadoutSpec()


@dataclass(frozen=True)
class Trial:
    """A prompt set shown on a subject: 3D Dice at a threshold, best (oracle) Dice, voxel AUROC.

    `threshold` is a value of the method's range. Trials of older versions have a `level` of 256 in
    its place, on which their numbers were ranked too, and are not compared with others; one whose
    threshold is still computed has neither, and no Dice (NaN). The Dice is of a mask inside the
    brain, or not (`brain_only`), without components of fewer than `smallest` voxels. `by_hand` says
    that its texts were edited while this subject's numbers were in view. `time` is UTC, ISO 8601.
    `owner` marks the user who may change it; one without is everybody's. `star`, `note`
    and `deleted` were given later.
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
    owner: str = ""
    deleted: bool = False
    brain_only: bool = True
    smallest: int = 0

    @functools.cached_property
    def content(self) -> str:
        """A name of what the method read: equal for equal texts, whatever they are called."""
        return content_of(self.prompts)

    @property
    def line(self) -> tuple[object, ...]:
        """What is alike in trials that can be compared: all but the prompts and their numbers."""
        of_map = (self.data, self.subject, self.modality, self.method, self.setup)
        return (*of_map, self.level is not None, *self.mask)

    @property
    def mask(self) -> tuple[bool, int]:
        """How the mask of the Dice was made: inside the brain, and its smallest component."""
        return self.brain_only, self.smallest

    def owned_by(self, user: str) -> bool:
        """Whether a user may change it: its owner, or anybody where it has none."""
        return self.owner in ("", user)


def content_of(prompts: PromptSet) -> str:
    """A short digest of what a method reads of a set."""
    return key_of("", prompts=prompt_sets.content(prompts))[:12]


def add(
    spec: MapSpec,
    read: Readout,
    threshold: Threshold | str,
    by_hand: bool = False,
    beside: Collection[str] = (),
    owner: str = "",
    home: Path | None = None,
    mask: ReadoutSpec = USUAL,
) -> Trial | None:
    """Append a trial by its volume's numbers; nothing without lesion, or a second time.

    The Dice of `read` is of a mask made as `mask` says. Where the threshold of a rule is still
    computed, `threshold` is the rule's name; the trial gets threshold and Dice when it is added
    again. A set that was shown before is by hand only on the
    subjects where its texts were new: those that were looked at together, `beside` the trial's own.
    """
    slices = spec.features.slices
    dice, best, auroc = read.dice_3d, read.best_dice, read.auroc
    if dice is None or best is None or auroc is None:
        return None
    known = threshold if isinstance(threshold, Threshold) else None
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
        known.value if known else None,
        known.rule if known else str(threshold),
        dice if known else math.nan,
        best,
        auroc,
        owner=owner,
        brain_only=mask.brain_only,
        smallest=mask.min_component_voxels if mask.min_component_voxels > 1 else 0,  # 1 takes none
    )
    every = all_trials(home=home) + (all_trials(slices.data) if slices.data.private else ())
    alike = [other for other in every if other.content == trial.content]
    same = [other for other in alike if other.line == trial.line and not other.deleted]
    at = trial.threshold, trial.rule
    if (same and not known) or any((other.threshold, other.rule) == at for other in same):
        return None
    if waiting := next((t for t in same if t.threshold is None and t.rule == trial.rule), None):
        with folders.guarded(slices.data, slices.subject):
            late = {"of": waiting.id, "threshold": trial.threshold, "dice": dice}
            _append(late, slices.data, home)
        return replace(waiting, threshold=trial.threshold, dice=dice)
    new = all(other.subject in beside for other in alike)
    trial = replace(trial, by_hand=by_hand and new)
    own = {name: value for name, value in vars(trial).items() if name not in GIVEN}
    item = {**own, "data": vars(trial.data), "prompts": vars(trial.prompts)}
    with folders.guarded(slices.data, slices.subject):
        _append({"trial": item}, slices.data, home)
    return trial


def star(trial: Trial, on: bool, user: str = "", home: Path | None = None) -> None:
    """Star a trial, or take its star; raises SettingError for another user's."""
    _change(trial, user, home, star=on)


def note(trial: Trial, text: str, user: str = "", home: Path | None = None) -> None:
    """Give a trial a note, in place of an earlier one; raises SettingError for another user's."""
    _change(trial, user, home, note=text)


def rename(trial: Trial, name: str, user: str = "", home: Path | None = None) -> None:
    """Rename a trial's prompts; SettingError for another's trial, or a bad or shipped name."""
    if not 0 < len(name) <= LONGEST_NAME or name in prompt_sets.shipped():
        raise SettingError(
            f"A trial cannot be called '{name}'; choose a name of 1 to {LONGEST_NAME} characters "
            "that no shipped prompt set has."
        )
    _change(trial, user, home, name=name)


def delete(trial: Trial, user: str = "", home: Path | None = None) -> None:
    """Take a trial out of `trials`; raises SettingError for another user's."""
    _change(trial, user, home, deleted=True)


def _change(trial: Trial, user: str, home: Path | None, **later: object) -> None:
    if not trial.owned_by(user):
        raise SettingError(
            f"This trial of '{trial.prompts.name}' is another user's; restore its texts to go on "
            "from them."
        )
    _append({"of": trial.id, **later}, trial.data, home)


def trials(data: DataSpec | None = None, home: Path | None = None) -> tuple[Trial, ...]:
    """Trials on shared data or uploads, oldest first, as last changed, none deleted."""
    return tuple(trial for trial in all_trials(data, home) if not trial.deleted)


def all_trials(data: DataSpec | None = None, home: Path | None = None) -> tuple[Trial, ...]:
    """`trials` with those that were deleted."""
    path = _path(data, home)
    return _logs.get(path, lambda: _Log(path)).read() if path.exists() else ()


def previous(every: Iterable[Trial]) -> dict[str, Trial | None]:
    """By each trial's id the last one before it of the same subject, method, setup and rule."""
    last, before = dict[tuple[object, ...], Trial](), dict[str, Trial | None]()
    for trial in every:
        compared = (*trial.line, trial.rule)
        before[trial.id], last[compared] = last.get(compared), trial
    return before


class _Log:
    """The trials of a file, of which only what was appended is read again."""

    def __init__(self, path: Path) -> None:
        self._path, self._size, self._head = path, 0, b""
        self._trials: dict[str, Trial] = {}
        self._lock = threading.Lock()

    def read(self) -> tuple[Trial, ...]:
        """All trials, the oldest first."""
        with self._lock, self._path.open("rb") as file:
            head = file.read(HEAD)
            if not head.startswith(self._head):  # another file has its name
                self._size, self._trials = 0, {}
            self._head = head
            file.seek(self._size)
            lines = file.read()
            self._size += lines.rfind(b"\n") + 1  # the last may be on its way
            for line in lines.splitlines():
                self._take(line)
            return tuple(self._trials.values())

    def _take(self, line: bytes) -> None:
        try:
            item = json.loads(line)
            if "trial" in item:
                trial = _parsed(item["trial"])
                self._trials[trial.id] = trial
            elif item["of"] in self._trials:
                trial = self._trials[item["of"]]
                later = {key: item[key] for key in (*GIVEN, "threshold", "dice") if key in item}
                prompts = replace(trial.prompts, name=item.get("name", trial.prompts.name))
                self._trials[trial.id] = replace(trial, prompts=prompts, **later)
        except (ValueError, TypeError, KeyError):
            return  # cut short by a crash, or of another version


_logs: LruCache[_Log] = LruCache(16)  # of as many users


def _parsed(item: dict[str, Any]) -> Trial:
    texts = item["prompts"].items()
    lists: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in texts}
    nested = {"data": DataSpec(**item["data"]), "prompts": PromptSet(**lists)}
    return Trial(**{"threshold": None, **item, **nested})


def _append(item: dict[str, Any], data: DataSpec, home: Path | None) -> None:
    """One write of a whole line, on the disk before it returns."""
    path = _path(data, home)
    line = json.dumps(item, ensure_ascii=False, allow_nan=True).encode() + b"\n"
    with locked(path), on_disk(path), path.open("ab+") as file:
        if size := file.tell():
            file.seek(size - 1)
            line = line if file.read() == b"\n" else b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _path(data: DataSpec | None, home: Path | None) -> Path:
    folder = Path(data.root) if data and data.private else home or paths.home()
    return folder / "history.jsonl"
