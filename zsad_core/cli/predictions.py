"""`python -m zsad_core predictions`: what other models predict, added to a data set."""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from zsad_core import methods
from zsad_core.base import settings
from zsad_core.errors import DataError, SettingError
from zsad_core.imaging import datasets
from zsad_core.imaging.predictions import Predictions, Survey, registry, score_range, survey
from zsad_core.types import DataSpec

SHOWN = 10  # subjects without a file
OPENED_BY_PATH = ("brats", "folder")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The commands add, list and remove, with their options."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_add(commands.add_parser("add", help="keep a folder of NIfTI files, one a subject"))
    known = commands.add_parser("list", help="the sets that are kept")
    known.add_argument("--data", default="", metavar="ROOT", help="all by default")
    known.set_defaults(run=_list)
    remove = commands.add_parser("remove", help="take a set off the list, not its files")
    remove.add_argument("name", metavar="NAME")
    remove.add_argument("--data", required=True, metavar="demo|demo-2mm|ROOT")
    remove.set_defaults(run=_remove)


def _add_add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER")
    parser.add_argument("--data", required=True, metavar="demo|demo-2mm|ROOT")
    parser.add_argument("--name", required=True, help="under which it is chosen and reported")
    parser.add_argument("--kind", choices=["mask", "score"], default="mask")
    parser.add_argument(
        "--labels",
        type=_labels,
        default=(),
        metavar="1,2,3",
        help="of a label image, those that make the mask; 1 by default",
    )
    parser.add_argument(
        "--range",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="of scores; by default that of all files",
    )
    parser.add_argument("--provenance", default="", metavar="TEXT", help="model, version, weights")
    parser.add_argument("--trained-on", default="", metavar="TEXT", help="data, subjects, folds")
    parser.add_argument("--resample", action="store_true", help="take files on other grids too")
    parser.add_argument("--yes", action="store_true", help="keep it without asking")
    parser.set_defaults(run=_add)


def data_of(root: str) -> DataSpec:
    """The data of a root: as it is remembered, else BraTS where its files are named so.

    Raises DataError if there is no such folder.
    """
    found = _named(root)
    if not found.root:
        return found
    for known in settings.data_roots().values():
        if known.root == found.root:
            return known
    found = settings.resolved(found)
    try:
        datasets.open_dataset(found)
    except DataError:
        return replace(found, kind="folder")
    return found


def _named(root: str) -> DataSpec:
    """The data of a root that need not be there any more; of a folder the kind is not known."""
    if root in datasets.DATASETS and not (root in OPENED_BY_PATH or DataSpec(root).private):
        return DataSpec(root)
    return DataSpec("brats", str(Path(root).expanduser().resolve()))


def _labels(text: str) -> tuple[int, ...]:
    """Labels as they are given: 1,2,3."""
    try:
        return tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not like 1,2,3") from error


def _add(parsed: argparse.Namespace) -> None:
    data, predictions = data_of(parsed.data), _predictions(parsed)
    registry.check_new(data, predictions, methods.METHODS)
    found = survey(parsed.folder, (one.id for one in datasets.open_dataset(data).subjects()))
    print("\n".join(report(found)), flush=True)
    if found.problem:
        raise DataError(found.problem)
    if parsed.kind == "score" and not parsed.range:
        low, high = score_range([path for _, path in found.matched], _show)
        predictions = replace(predictions, low=low, high=high)
    print(said(predictions), flush=True)
    if not (parsed.yes or _agreed()):
        raise SettingError(f"'{parsed.name}' was not kept; answer y, or add --yes.")
    registry.add(data, predictions, methods.METHODS)
    print(f"{parsed.name} is kept for {data.place}")


def _predictions(parsed: argparse.Namespace) -> Predictions:
    """The set that the options name; scores without a range have 0 to 1 for the time being."""
    low, high = parsed.range or (0.0, 1.0)
    return Predictions(
        name=parsed.name,
        folder=parsed.folder,
        kind=parsed.kind,
        labels=parsed.labels,
        low=low,
        high=high,
        provenance=parsed.provenance,
        trained_on=parsed.trained_on,
        resample=parsed.resample,
    )


def report(found: Survey) -> Iterator[str]:
    """What of a folder matches the subjects and what does not, line by line."""
    subjects = len(found.matched) + len(found.missing) + len(found.doubles)
    yield f"Subjects with one file: {len(found.matched)} of {subjects}"
    yield from (f"  {name}  {path.relative_to(found.folder)}" for name, path in found.matched)
    if found.missing:
        more = ", …" if len(found.missing) > SHOWN else ""
        yield f"Subjects without a file: {len(found.missing)}"
        yield f"  {', '.join(found.missing[:SHOWN])}{more}"
    if found.doubles:
        yield f"Subjects with several files: {len(found.doubles)}"
        for name, paths in found.doubles:
            yield f"  {name}  {', '.join(str(path.relative_to(found.folder)) for path in paths)}"
    if found.unmatched:
        yield f"Files that name no subject: {len(found.unmatched)}"
        yield from (f"  {path.relative_to(found.folder)}" for path in found.unmatched)


def _agreed() -> bool:
    try:
        return input("Keep it? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # nobody is there to answer
        return False


def _list(parsed: argparse.Namespace) -> None:
    sets = registry.all_sets()
    if parsed.data:
        data = _named(parsed.data)
        sets = {data.place: registry.sets_of(data)}
    for root, known in sets.items():
        for one in known:
            print(f"{one.name}  for {root}\n  {said(one)}\n  {one.folder}")
    if not any(sets.values()):
        print("no predictions are kept")


def said(one: Predictions) -> str:
    """The set in a line: what its values mean, and who made it."""
    values = (
        f"mask of label {', '.join(map(str, one.foreground))}"
        if one.kind == "mask"
        else f"scores from {one.low:.8g} to {one.high:.8g}"
    )
    grid = "; other grids are resampled" if one.resample else ""
    made, trained = one.provenance or "not stated", one.trained_on or "not stated"
    return f"{values}{grid}; provenance: {made}; trained on: {trained}"


def _remove(parsed: argparse.Namespace) -> None:
    registry.remove(_named(parsed.data), parsed.name)
    print(f"{parsed.name} is taken off the list; its files are left alone")


def _show(done: int, total: int) -> None:
    print(f"\rrange: {done} of {total}", end="" if done < total else "\n", file=sys.stderr)
