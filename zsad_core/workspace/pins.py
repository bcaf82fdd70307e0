"""Cases that users pinned: views with title, note and numbers, in a `home`, shared as a file.

Who reads the home, by default the one of all users, sees them all; a pin is changed by its owner
alone, or by anybody where it has none.

A file from elsewhere names its data and never says where to look: only the data sets of this
machine are searched for it.
"""

import contextlib
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePath

from zsad_core import setups
from zsad_core.base import paths, settings
from zsad_core.base.atomic import locked, write_whole
from zsad_core.errors import DataError, SettingError, WeightsError
from zsad_core.imaging import datasets
from zsad_core.imaging.splits import registry
from zsad_core.inference import pipeline, references
from zsad_core.inference.engine import Engine
from zsad_core.inference.views import View
from zsad_core.types import (
    DataSpec,
    Reference,
    SliceSpec,
)
from zsad_core.workspace.pin_files import MOST, Pin, parsed, written

__all__ = ["Pin"]


PRIVATE = (
    "an uploaded scan is seen by you alone and goes in the end, while pins stay; add its folder on "
    "the Setup page to pin it."
)


def all_pins(home: Path | None = None) -> tuple[Pin, ...]:
    """Every pin, in the user's order; raises DataError for a damaged file."""
    path = _path(home)
    return parsed(path.read_bytes(), str(path)) if path.exists() else ()


def pin_of(
    view: View,
    title: str,
    note: str = "",
    kind: str = "",
    dice: Sequence[float | None] = (),
    owner: str = "",
) -> Pin:
    """A new pin of a view; `dice` are those of slice and volume, where NaN stands for none."""
    slices = view.map.features.slices
    numbers = [None if one is None or one != one else float(one) for one in (*dice, None, None)]
    return Pin(
        id=uuid.uuid4().hex[:12],
        title=title.strip() or slices.subject,
        kind=kind,
        note=note.strip(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        slice_dice=numbers[0],
        volume_dice=numbers[1],
        data=slices.data,
        subject=slices.subject,
        modality=slices.modality,
        plane=slices.plane,
        method=view.map.method,
        setup=view.map.setup,
        prompts=view.map.prompts,
        references=tuple(map(references.written, view.map.references)),
        volumes=view.map.volumes,
        index=view.index,
        threshold=view.threshold,
        readout=replace(view.readout, threshold=view.threshold.value),
        owner=owner,
        split_digest=registry.digest(slices.data),
    )


def add(pin: Pin, home: Path | None = None) -> None:
    """Keep a pin behind the others.

    Raises SettingError where its owner has pinned the view, where 200 are pinned, and for a scan
    that somebody uploaded, which does not stay as pins do.
    """
    if pin.data.private:
        raise SettingError(f"'{pin.subject}' is not pinned: {PRIVATE}")

    def added(pins: list[Pin]) -> list[Pin]:
        own = (one for one in pins if one.owned_by(pin.owner))
        if same := next((one for one in own if one.view == pin.view), None):
            raise SettingError(f"This view is pinned already, as '{same.title}'; edit it there.")
        return [*pins, pin]

    _change(added, home)


def edit(pin: str, title: str, note: str, user: str = "", home: Path | None = None) -> None:
    """Give a pin another title and note; an empty title leaves the old one.

    Raises SettingError where it is another user's, or was removed.
    """

    def edited(pins: list[Pin]) -> list[Pin]:
        at = _place(pins, pin, user)
        pins[at] = replace(pins[at], title=title.strip() or pins[at].title, note=note.strip())
        return pins

    _change(edited, home)


def move(pin: str, by: int, user: str = "", home: Path | None = None) -> None:
    """Move a pin by that many places, to the end (> 0) or to the start (< 0), as far as it goes.

    Raises SettingError as `edit` does.
    """

    def moved(pins: list[Pin]) -> list[Pin]:
        at = _place(pins, pin, user)
        one = pins.pop(at)
        pins.insert(max(at + by, 0), one)
        return pins

    _change(moved, home)


def remove(pin: str, user: str = "", home: Path | None = None) -> None:
    """Take a pin off the list; its view stays what it is. Raises SettingError as `edit` does."""

    def rest(pins: list[Pin]) -> list[Pin]:
        del pins[_place(pins, pin, user)]
        return pins

    _change(rest, home)


def as_file(pins: Iterable[Pin]) -> bytes:
    """Pins as a JSON file for others, without owners; of the data's folder only the last name."""
    shared = (replace(p, data=replace(p.data, root=_folder(p.data)), owner="") for p in pins)
    return written(tuple(shared))


def add_file(
    content: bytes, where: str, owner: str = "", home: Path | None = None
) -> tuple[int, int]:
    """Keep the pins of a file named `where`: how many were new, and how many were here already.

    The new ones belong to `owner`, whatever the file says.
    Raises DataError for a file that holds something else, and then keeps nothing of it.
    """
    found = {one.id: replace(one, owner=owner) for one in parsed(content, where)}
    new: list[Pin] = []

    def joined(pins: list[Pin]) -> list[Pin]:
        known = {one.id for one in pins}
        new.extend(one for one in found.values() if one.id not in known)
        return pins + new

    _change(joined, home)
    return len(new), len(found) - len(new)


def view_of(engine: Engine, pin: Pin) -> View:
    """The view that a pin keeps, on this machine; of scans only those of normal slices are read.

    Raises DataError where the data or a subject are not here, SettingError or WeightsError where
    method, setup or weights are not. Whether the scan has the slice, `views.stack_of` tells.
    """
    slices = SliceSpec(_data_of(pin), pin.subject, pin.modality, pin.plane)
    if lack := setups.missing(setups.find(pin.method, pin.setup)):
        raise WeightsError(lack)
    normal = tuple(references.parsed(text, slices) for text in pin.references)
    for one in normal:
        _check_reference(engine, one)
    chosen = (pin.method, pin.setup, pin.prompts, normal, pin.volumes)
    spec = pipeline.map_spec(engine, slices, *chosen)
    if lost := sorted(set(pin.volumes) - set(spec.volumes)):
        raise DataError(f"'{pin.title}' is scored against {lost[0]}, which is not here; add it.")
    return View(spec, pin.index, pin.threshold, pin.readout)


def _data_of(pin: Pin) -> DataSpec:
    """The data set here that the pin means: its own, else one of its kind with all its subjects."""
    needed = {pin.subject, *pin.volumes}
    needed |= {references.parsed(text, SliceSpec()).slices.subject for text in pin.references}
    found = [
        spec
        for spec in settings.data_roots().values()
        if (spec.kind, spec.labels) == (pin.data.kind, pin.data.labels)
        and needed <= _usable(spec, pin.modality)
    ]
    if not found:
        raise DataError(
            f"'{pin.title}' needs {pin.modality} of {', '.join(sorted(needed))}, and no "
            f"'{pin.data.kind}' data here have it; add the folder on the Setup page."
        )
    found.sort(key=lambda spec: (spec != pin.data, _folder(spec) != _folder(pin.data)))
    return found[0]


def _usable(spec: DataSpec, modality: str) -> set[str]:
    """Ids of subjects with the modality; none where the data cannot be opened."""
    with contextlib.suppress(DataError):
        subjects = datasets.open_dataset(spec).subjects()
        return {s.id for s in subjects if not s.problem and modality in s.modalities}
    return set()


def _check_reference(engine: Engine, one: Reference) -> None:
    if one.index >= len(engine.stack(one.slices).image):
        raise DataError(f"There is no normal slice {references.written(one)}; choose another.")


def _folder(spec: DataSpec) -> str:
    return PurePath(spec.root).name


def _place(pins: Sequence[Pin], pin: str, user: str) -> int:
    for at, one in enumerate(pins):
        if one.id == pin:
            if not one.owned_by(user):
                raise SettingError(
                    f"'{one.title}' is another user's pin; pin the view again to change it."
                )
            return at
    raise SettingError("This pin was removed meanwhile; look at the list again.")


def _change(change: Callable[[list[Pin]], list[Pin]], home: Path | None) -> None:
    """Read, change and write under a lock, so that two sessions lose nothing of each other."""
    path = _path(home)
    with locked(path):
        pins = change(list(all_pins(home)))
        if len(pins) > MOST:
            raise SettingError(f"{MOST} pins can be kept, not {len(pins)}; remove some first.")
        content = written(tuple(pins))
        parsed(content, "pins.json")  # what cannot be read again is not written
        write_whole(path, content)


def _path(home: Path | None) -> Path:
    return (home or paths.home()) / "pins.json"
