"""Cases that users pinned: views with title, note and numbers, in a `home`, shared as a file.

Who reads the home, by default the one of all users, sees them all; a pin is changed by its owner
alone, or by anybody where it has none.

A file from elsewhere names its data and never says where to look: only the data sets of this
machine are searched for it.
"""

import contextlib
import uuid
from collections.abc import Iterable, Iterator, Sequence
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
from zsad_core.inference.views import View, readout_of
from zsad_core.types import DataSpec, Precision, SliceSpec
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
    dice: Sequence[float | None] = (None, None),
    owner: str = "",
    precision: Precision | None = None,
) -> Pin:
    """A new pin of a view; `dice` are those of slice and volume, where NaN stands for none.

    The `precision` is that of `pipeline.chosen_precision`.
    """
    slices = view.map.features.slices
    slice_dice, volume_dice = (None if d is None or d != d else float(d) for d in dice)
    return Pin(
        id=uuid.uuid4().hex[:12],
        title=title.strip() or slices.subject,
        kind=kind,
        note=note.strip(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        slice_dice=slice_dice,
        volume_dice=volume_dice,
        **vars(slices),
        method=view.map.method,
        setup=view.map.setup,
        prompts=view.map.prompts,
        references=tuple(map(references.written, view.map.references)),
        volumes=view.map.volumes,
        index=view.index,
        threshold=view.threshold,
        readout=readout_of(view),
        owner=owner,
        split_digest=registry.digest(slices.data),
        precision=precision,
    )


def add(pin: Pin, home: Path | None = None) -> None:
    """Keep a pin last; SettingError for a view pinned twice, a full list, or an upload."""
    if pin.data.private:
        raise SettingError(f"'{pin.subject}' is not pinned: {PRIVATE}")

    with _changing(home) as pins:
        own = (other for other in pins if other.owned_by(pin.owner))
        if same := next((other for other in own if other.view == pin.view), None):
            raise SettingError(f"This view is pinned already, as '{same.title}'; edit it there.")
        pins.append(pin)


def edit(pin: str, title: str, note: str, user: str = "", home: Path | None = None) -> None:
    """Change note and, unless empty, title; SettingError for another user's pin, or one removed."""
    with _changing(home) as pins:
        at = _index(pins, pin, user)
        pins[at] = replace(pins[at], title=title.strip() or pins[at].title, note=note.strip())


def move(pin: str, by: int, user: str = "", home: Path | None = None) -> None:
    """Move a pin so many places, to end (> 0) or start (< 0); raises SettingError as `edit`."""
    with _changing(home) as pins:
        at = _index(pins, pin, user)
        pins.insert(max(at + by, 0), pins.pop(at))


def remove(pin: str, user: str = "", home: Path | None = None) -> None:
    """Take a pin off the list; its view stays what it is. Raises SettingError as `edit` does."""
    with _changing(home) as pins:
        del pins[_index(pins, pin, user)]


def as_file(pins: Iterable[Pin]) -> bytes:
    """Pins as a JSON file for others, without owners; of the data's folder only the last name."""
    shared = (replace(p, data=replace(p.data, root=_folder(p.data)), owner="") for p in pins)
    return written(tuple(shared))


def add_file(
    content: bytes, where: str, owner: str = "", home: Path | None = None
) -> tuple[int, int]:
    """Keep a file's pins as `owner`'s: how many are new, and known; DataError keeps none."""
    of_file = {pin.id: replace(pin, owner=owner) for pin in parsed(content, where)}
    with _changing(home) as pins:
        new = of_file.keys() - {pin.id for pin in pins}
        pins += [pin for pin in of_file.values() if pin.id in new]
    return len(new), len(of_file) - len(new)


def view_of(engine: Engine, pin: Pin, home: Path | None = None) -> View:
    """The view that a pin keeps, on this machine; of scans only those of normal slices are read.

    Its setup may be of the user's own `home`. Raises DataError where the data or a subject are not
    here, SettingError or WeightsError where method, setup or weights are not. Whether the scan has
    the slice, `views.stack_of` tells.
    """
    slices = SliceSpec(_data_of(pin), pin.subject, pin.modality, pin.plane)
    if lack := setups.missing(setups.find(pin.method, pin.setup, home)):
        raise WeightsError(lack)
    normal = tuple(references.parsed(text, slices) for text in pin.references)
    for reference in normal:
        if reference.index >= len(engine.stack(reference.slices).image):
            name = references.written(reference)
            raise DataError(f"There is no normal slice {name}; choose another.")
    chosen = (pin.method, pin.setup, pin.prompts, normal, pin.volumes)
    spec = pipeline.map_spec(engine, slices, *chosen, pin.precision, home)
    if lost := sorted(set(pin.volumes) - set(spec.volumes)):
        raise DataError(f"'{pin.title}' is scored against {lost[0]}, which is not here; add it.")
    return View(spec, pin.index, pin.threshold, pin.readout)


def _data_of(pin: Pin) -> DataSpec:
    """The data set here that the pin means: its own, else one of its kind with all its subjects."""
    needed = {pin.subject, *pin.volumes}
    needed |= {references.parsed(text, SliceSpec()).slices.subject for text in pin.references}
    roots = [
        spec
        for spec in settings.data_roots().values()
        if (spec.kind, spec.labels) == (pin.data.kind, pin.data.labels)
        and needed <= _usable(spec, pin.modality)
    ]
    if not roots:
        raise DataError(
            f"'{pin.title}' needs {pin.modality} of {', '.join(sorted(needed))}, and no "
            f"'{pin.data.kind}' data here have it; add the folder on the Setup page."
        )
    return min(roots, key=lambda spec: (spec != pin.data, _folder(spec) != _folder(pin.data)))


def _usable(spec: DataSpec, modality: str) -> set[str]:
    """Ids of subjects with the modality; none where the data cannot be opened."""
    with contextlib.suppress(DataError):
        subjects = datasets.open_dataset(spec).subjects()
        return {s.id for s in subjects if not s.problem and modality in s.modalities}
    return set()


def _folder(spec: DataSpec) -> str:
    return PurePath(spec.root).name


def _index(pins: Sequence[Pin], pin: str, user: str) -> int:
    for at, other in enumerate(pins):
        if other.id == pin:
            if not other.owned_by(user):
                raise SettingError(
                    f"'{other.title}' is another user's pin; pin the view again to change it."
                )
            return at
    raise SettingError("This pin was removed meanwhile; look at the list again.")


@contextlib.contextmanager
def _changing(home: Path | None) -> Iterator[list[Pin]]:
    """The pins, kept as the block leaves them; two sessions lose nothing of each other."""
    path = _path(home)
    with locked(path):
        pins = list(all_pins(home))
        yield pins
        if len(pins) > MOST:
            raise SettingError(f"{MOST} pins can be kept, not {len(pins)}; remove some first.")
        content = written(tuple(pins))
        parsed(content, "pins.json")  # what cannot be read again is not written
        write_whole(path, content)


def _path(home: Path | None) -> Path:
    return (home or paths.home()) / "pins.json"
