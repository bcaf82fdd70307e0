"""The command line: app, demo, doctor, fetch, map, train, card, evaluate, export, delete, figures,
deck, predictions, split, study.

Exit 0 done, 1 a problem, 2 usage.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from zsad_core import backbones
from zsad_core.base import access
from zsad_core.base.atomic import claimed, on_disk, write_whole
from zsad_core.base.version import VERSION
from zsad_core.cli import app, delete, doctor, predictions, split, study, train
from zsad_core.cli import evaluate as cohort
from zsad_core.cli import map as maps
from zsad_core.cli.progress import show
from zsad_core.errors import StorageError, ZsadError
from zsad_core.evaluation import row_views
from zsad_core.imaging import datasets
from zsad_core.imaging.datasets.demo import Demo
from zsad_core.imaging.datasets.files import read_bytes
from zsad_core.inference.engine import Engine
from zsad_core.metrics.dice import EMPTY_RULES
from zsad_core.report.comparison_groups import AXES, ComparisonGroup
from zsad_core.report.selection import Selection
from zsad_core.results import parquet as results
from zsad_core.results.conventions import Which
from zsad_core.results.slice_sums import CENTRES
from zsad_core.types import BackboneSpec, DataSpec
from zsad_core.workspace import pin_files, pins


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a user's error is one sentence on stderr and exit code 1."""
    parser = _parser()
    parsed, more = parser.parse_known_args(arguments, argparse.Namespace(takes_more=False))
    if vars(parsed).pop("takes_more"):
        parsed.more = more
    elif more:
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    if parsed.run is not app.run:
        access.lift()
    try:
        with on_disk():
            _check_temporary()
            code = int(parsed.run(parsed) or 0)
            _flush()
        return code
    except ZsadError as error:
        print(f"error: {_lost_output() or error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of the output has closed it, as `head` does
        _lost_output()
        return 141


def _check_temporary() -> None:
    """Raise StorageError where no temporary file can be written, as torch needs one to begin."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        raise StorageError(
            "No folder takes temporary files; make room in the system's, or name another by TMPDIR."
        ) from error


def _flush() -> None:
    """Write out what was printed, unless standard output was closed from the beginning."""
    if sys.stdout is not None:
        sys.stdout.flush()


def _lost_output() -> str:
    """That standard output takes no more, in a sentence, and then it is let go; "" if it does."""
    try:
        _flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python flushes again
        return f"The output cannot be written ({error.strerror}); send it to another place."
    return ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="zsad", description=__doc__)
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, words, options, run in (
        ("app", "open the app in the browser", app.options, app.run),
        ("demo", "make the synthetic demo cohort", _add_demo, _demo),
        ("doctor", "say what works here and what is missing", None, _doctor),
        ("fetch", "fetch a backbone's weights, as open_clip does", _add_fetch, _fetch),
        ("train", "train a method, or a demo backbone", train.options, train.run),
        ("card", "evaluate the demo and write its model card", None, train.run_card),
        ("evaluate", "rows of many subjects and configurations", cohort.add_evaluate, cohort.run),
        ("export", "rows of an evaluation as CSV", _add_export, _export),
        ("delete", "rows of a configuration, once they are counted", delete.options, delete.run),
        ("figures", "the paper's figures and tables of rows", _add_figures, _figures),
        ("deck", "pinned cases as PPTX and as one web page", _add_deck, _deck),
        ("predictions", "what other models predict, for a data set", predictions.options, None),
        ("split", "which subjects train, validate and test", split.options, split.run),
        ("study", "a whole study from one file", study.options, None),
        ("map", "anomaly maps of a NIfTI volume or 2D images", maps.options, _map),
    ):
        command = commands.add_parser(name, help=words)
        command.set_defaults(run=run)
        if options:
            options(command)
    return parser


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--subject", help="only this subject")


def _add_fetch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backbone", required=True, help="open_clip name or hf-hub:owner/name")
    parser.add_argument("--weights", default="", help="open_clip's pretrained tag")


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--results", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")


def _add_figures(parser: argparse.ArgumentParser) -> None:
    _add_export(parser)
    add = parser.add_argument
    add("--empty", choices=list(EMPTY_RULES), default="lesion_only")
    add("--slices", choices=get_args(Which), default="all")
    add("--centre", choices=CENTRES, default="middle")
    add(
        "--also",
        nargs="+",
        default=[],
        metavar="AXIS[=VALUE]",
        help=f"further series in each figure: rows that differ in {', '.join(AXES)} alone, such as "
        "modality=t1c, or modality for every one",
    )
    add(
        "--exposed",
        action="store_true",
        help="also rows whose subject checkpoint, prompts or threshold have seen",
    )
    add(
        "--data",
        action="append",
        default=[],
        metavar="ROOT",
        help="where the scans lie, for Figures 4 and 5; demo and kept roots are known",
    )
    add(
        "--region",
        default="",
        help="what the scans show, for captions; by default as the kept roots of the layout say, "
        f"where they agree, else {DataSpec.region}",
    )


def _add_deck(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pins", type=Path, metavar="FILE", help="your own pins by default")
    parser.add_argument("--title", default="Failure cases")
    parser.add_argument("--dark", action="store_true", help="on a dark ground")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")


def _export(parsed: argparse.Namespace) -> None:
    with claimed(parsed.out):
        written = results.export_csv(parsed.results, parsed.out)
    for path in written:
        print(path)


def _deck(parsed: argparse.Namespace) -> None:
    # Matplotlib and python-pptx, for this command alone
    from zsad_core.exports import deck, slides

    engine, file = Engine(), parsed.pins
    with claimed(parsed.out):
        chosen = pin_files.parsed(read_bytes(file), str(file)) if file else pins.all_pins()
        talk = deck.deck(engine, deck.cases_of(engine, chosen), parsed.title, parsed.dark, show)
        write_whole(parsed.out / "deck.pptx", slides.pptx(talk))
        write_whole(parsed.out / "deck.html", deck.html(talk))
    for page in talk.pages:
        if page.problem:
            print(f"\nno picture of '{page.title}': {page.problem}", file=sys.stderr)
    print(f"\n{len(talk.pages)} cases in {parsed.out / 'deck.pptx'} and deck.html")


def _figures(parsed: argparse.Namespace) -> None:
    from zsad_core.report import figures  # Matplotlib and Plotly, for this command alone

    specs = [DataSpec(kind, root) for root in parsed.data for kind in datasets.LAYOUTS]
    known = row_views.known_data_sets()
    maps = figures.Maps(Engine(), [*specs, *known], progress=show)

    def choose(group: ComparisonGroup) -> Selection:
        regions = {spec.region for spec in known if group.may_hold(spec)}
        only = regions.pop() if len(regions) == 1 else DataSpec.region
        return Selection(
            group,
            empty=parsed.empty,
            which=parsed.slices,
            centre=parsed.centre,
            exposed=parsed.exposed,
            region=parsed.region or only,
        )

    with claimed(parsed.out):
        written = figures.write_all(parsed.results, parsed.out, maps, choose, parsed.also)
    for path in written:
        print(path)
        if path.name == figures.NOT_DRAWN:
            print(path.read_text(encoding="utf-8").strip(), file=sys.stderr)


def _map(parsed: argparse.Namespace) -> None:
    print(maps.run(maps.request_of(parsed), show))


def _demo(parsed: argparse.Namespace) -> None:
    dataset = Demo(DataSpec("demo"), spacing_mm=1.0)
    if parsed.subject:
        print(f"synthetic subject in {dataset.make(parsed.subject, show)}")
        return
    dataset.make_all(show)
    print(f"\nsynthetic cohort of {len(dataset.subjects())} subjects made")


def _fetch(parsed: argparse.Namespace) -> None:
    backbones.fetch(BackboneSpec(parsed.backbone, parsed.weights))
    print(f"{parsed.backbone} {parsed.weights}".strip() + " is here")


def _doctor(_: argparse.Namespace) -> int:
    works = True
    for good, line in doctor.report():
        print(f"{'ok     ' if good else 'MISSING'} {line}")
        works = works and good
    return 0 if works else 1
