"""`zsad predictions`: what other models predict, added to a data set."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

from zsad_core import methods
from zsad_core.base.wording import whole_number
from zsad_core.cli.data import DATA, data_of, named
from zsad_core.cli.progress import shown_as
from zsad_core.errors import DataError, SettingError
from zsad_core.imaging import datasets
from zsad_core.imaging.predictions import registry
from zsad_core.imaging.predictions.matching import Survey, survey
from zsad_core.imaging.predictions.reading import score_range
from zsad_core.imaging.predictions.sets import Predictions
from zsad_core.types import DataSpec

SHOWN = 10  # subjects without a file


def options(parser: argparse.ArgumentParser) -> None:
    """The commands add, list and remove, with their options."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    folder = commands.add_parser("add", help="keep a folder of NIfTI files, one a subject")
    folder.set_defaults(run=_add)
    add = folder.add_argument
    add("folder", metavar="FOLDER")
    add("--data", required=True, metavar=DATA)
    add("--name", required=True, help="under which it is chosen and reported")
    add("--kind", choices=["mask", "score"], default="mask")
    add(
        "--labels",
        type=_labels,
        default=(),
        metavar="1,2,3",
        help="of a label image, those that make the mask; 1 by default",
    )
    add(
        "--range",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="of scores; by default that of all files",
    )
    add("--provenance", default="", metavar="TEXT", help="model, version, weights")
    add("--trained-on", default="", metavar="TEXT", help="data, subjects, folds")
    add("--resample", action="store_true", help="take files on other grids too")
    add("--yes", action="store_true", help="keep it without asking")
    listing = commands.add_parser("list", help="the sets that are kept")
    listing.add_argument("--data", default="", metavar="ROOT", help="all by default")
    listing.set_defaults(run=_list)
    remove = commands.add_parser("remove", help="take a set off the list, not its files")
    remove.add_argument("name", metavar="NAME")
    remove.add_argument("--data", required=True, metavar=DATA)
    remove.set_defaults(run=_remove)


def _labels(text: str) -> tuple[int, ...]:
    """Labels separated by commas: 1,2,3."""
    labels = [whole_number(label.strip()) for label in text.split(",")]
    if None in labels:
        raise argparse.ArgumentTypeError(f"'{text}' is not like 1,2,3")
    return tuple(sorted({label for label in labels if label is not None}))


def _add(parsed: argparse.Namespace) -> None:
    own = {f.name: getattr(parsed, f.name) for f in fields(Predictions) if f.name in parsed}
    low, high = parsed.range or (0.0, 1.0)  # scores without a range are measured later
    data, predictions = data_of(parsed.data), Predictions(**own, low=low, high=high)
    registry.check_new(data, predictions, methods.METHODS)
    predictions = measured(data, predictions, parsed.range)
    print(description(predictions), flush=True)
    if not (parsed.yes or _agreed()):
        raise SettingError(f"'{parsed.name}' was not kept; answer y, or add --yes.")
    registry.add(data, predictions, methods.METHODS)
    print(f"{parsed.name} is kept for {data.place}")


def measured(data: DataSpec, predictions: Predictions, span: Sequence[float] | None) -> Predictions:
    """The set with its range, of scores that of all files if none is given; raises DataError."""
    subjects = datasets.open_dataset(data).subjects()
    files = survey(predictions.folder, (subject.id for subject in subjects))
    print("\n".join(_report(files)), flush=True)
    if files.problem:
        raise DataError(files.problem)
    if predictions.kind == "score" and not span:
        span = score_range([path for _, path in files.matched], shown_as("range"))
    low, high = span or (predictions.low, predictions.high)
    return replace(predictions, low=low, high=high)


def _report(files: Survey) -> Iterator[str]:
    """Lines on which files match which subjects, and which do not."""
    subjects = len(files.matched) + len(files.missing) + len(files.doubles)
    yield f"Subjects with one file: {len(files.matched)} of {subjects}"
    yield from (f"  {name}  {path.relative_to(files.folder)}" for name, path in files.matched)
    if files.missing:
        more = ", …" if len(files.missing) > SHOWN else ""
        yield f"Subjects without a file: {len(files.missing)}"
        yield f"  {', '.join(files.missing[:SHOWN])}{more}"
    if files.doubles:
        yield f"Subjects with several files: {len(files.doubles)}"
        for name, paths in files.doubles:
            yield f"  {name}  {', '.join(str(path.relative_to(files.folder)) for path in paths)}"
    if files.unmatched:
        yield f"Files that name no subject: {len(files.unmatched)}"
        yield from (f"  {path.relative_to(files.folder)}" for path in files.unmatched)


def _agreed() -> bool:
    try:
        return input("Keep it? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # no terminal
        return False


def _list(parsed: argparse.Namespace) -> None:
    sets = registry.all_sets()
    if parsed.data:
        data = named(parsed.data)
        sets = {data.place: registry.sets_of(data)}
    for root, predictions in sets.items():
        for item in predictions:
            print(f"{item.name}  for {root}\n  {description(item)}\n  {item.folder}")
    if not any(sets.values()):
        print("no predictions are kept")


def description(predictions: Predictions) -> str:
    """The set in a line: the meaning of its values and its provenance."""
    values = f"scores from {predictions.low:.8g} to {predictions.high:.8g}"
    if predictions.kind == "mask":
        values = f"mask of label {', '.join(map(str, predictions.foreground))}"
    grid = "; other grids are resampled" if predictions.resample else ""
    provenance = predictions.provenance or "not stated"
    return (
        f"{values}{grid}; provenance: {provenance}; "
        f"trained on: {predictions.trained_on or 'not stated'}"
    )


def _remove(parsed: argparse.Namespace) -> None:
    registry.remove(named(parsed.data), parsed.name)
    print(f"{parsed.name} is taken off the list; its files are left alone")
