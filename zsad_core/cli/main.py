"""The command line: app, demo, doctor, fetch, map, train, card, evaluate, export, delete, figures,
deck, predictions, split, study.

Exit 0 done, 1 a problem, 2 usage.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from zsad_core import backbones
from zsad_core.base import access
from zsad_core.base.atomic import claim, on_disk
from zsad_core.base.version import VERSION
from zsad_core.cli import app, delete, doctor, export, map_request, predictions, split, study
from zsad_core.cli import evaluate as cohort
from zsad_core.cli import map as maps
from zsad_core.cli import train as commands
from zsad_core.cli.progress import show
from zsad_core.errors import ZsadError
from zsad_core.evaluation import row_views
from zsad_core.imaging import datasets
from zsad_core.imaging.datasets.demo import Demo
from zsad_core.inference.engine import Engine
from zsad_core.metrics.dice import EMPTY_RULES
from zsad_core.report.selection import AXES, ComparisonGroup, Selection
from zsad_core.results.conventions import Which
from zsad_core.types import BackboneSpec, DataSpec


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a user's error is one sentence on stderr and exit code 1."""
    parser = _parser()
    parsed, more = parser.parse_known_args(arguments, argparse.Namespace(takes_more=False))
    if more and not parsed.takes_more:
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    parsed.more = more
    if parsed.run is not app.run:
        access.lift()
    try:
        with on_disk():
            code = int(parsed.run(parsed) or 0)
        sys.stdout.flush()
        return code
    except ZsadError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; what was done is kept", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of the output has closed it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python flushes again
        return 141


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="zsad", description=__doc__)
    parser.add_argument("--version", action="version", version=VERSION)
    commands_of = parser.add_subparsers(required=True, metavar="COMMAND")
    app.add_arguments(commands_of.add_parser("app", help="open the app in the browser"))
    demo = commands_of.add_parser("demo", help="make the synthetic demo cohort")
    demo.add_argument("--subject", help="only this subject")
    demo.set_defaults(run=_demo)
    check = commands_of.add_parser("doctor", help="say what works here and what is missing")
    check.set_defaults(run=_doctor)
    fetch = commands_of.add_parser("fetch", help="fetch a backbone's weights, as open_clip does")
    fetch.add_argument("--backbone", required=True, help="open_clip name or hf-hub:owner/name")
    fetch.add_argument("--weights", default="", help="open_clip's pretrained tag")
    fetch.set_defaults(run=_fetch)
    train = commands_of.add_parser("train", help="train a method, or a demo backbone")
    commands.add_arguments(train)
    train.set_defaults(run=commands.run)
    card = commands_of.add_parser("card", help="evaluate the demo and write its model card")
    card.set_defaults(run=commands.run_card)
    cohort.add_evaluate(
        commands_of.add_parser("evaluate", help="rows of many subjects and configurations")
    )
    export.add_arguments(commands_of.add_parser("export", help="rows of an evaluation as CSV"))
    delete.add_arguments(
        commands_of.add_parser("delete", help="rows of a configuration, once they are counted")
    )
    _add_figures(commands_of.add_parser("figures", help="the paper's figures and tables of rows"))
    _add_deck(commands_of.add_parser("deck", help="pinned cases as PPTX and as one web page"))
    predictions.add_arguments(
        commands_of.add_parser("predictions", help="what other models predict, for a data set")
    )
    split.add_arguments(
        commands_of.add_parser("split", help="which subjects train, validate and test")
    )
    study.add_arguments(commands_of.add_parser("study", help="a whole study from one file"))
    of_files = commands_of.add_parser("map", help="anomaly maps of a NIfTI volume or 2D images")
    map_request.add_arguments(of_files)
    of_files.set_defaults(run=_map)
    return parser


def _add_figures(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--results", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--empty", choices=list(EMPTY_RULES), default="lesion_only")
    parser.add_argument("--slices", choices=get_args(Which), default="all")
    parser.add_argument("--centre", choices=["middle", "centroid"], default="middle")
    parser.add_argument(
        "--also",
        nargs="+",
        default=[],
        metavar="AXIS[=VALUE]",
        help=f"further series in each figure: rows that differ in {', '.join(AXES)} alone, such as "
        "modality=t1c, or modality for every one",
    )
    parser.add_argument(
        "--exposed",
        action="store_true",
        help="also rows whose subject checkpoint, prompts or threshold have seen",
    )
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="ROOT",
        help="where the scans lie, for Figures 4 and 5; demo and kept roots are known",
    )
    parser.add_argument(
        "--region",
        default="",
        help="what the scans show, for captions; by default as the kept roots of the layout say, "
        f"where they agree, else {DataSpec.region}",
    )
    parser.set_defaults(run=_figures)


def _add_deck(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pins", type=Path, metavar="FILE", help="your own pins by default")
    parser.add_argument("--title", default="Failure cases")
    parser.add_argument("--dark", action="store_true", help="on a dark ground")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.set_defaults(run=_deck)


def _deck(parsed: argparse.Namespace) -> None:
    from zsad_core.exports import command  # Matplotlib and python-pptx, for this command alone

    claim(parsed.out)
    deck = command.write(parsed.pins, parsed.out, parsed.title, parsed.dark, show)
    for page in deck.pages:
        if page.problem:
            print(f"\nno picture of '{page.title}': {page.problem}", file=sys.stderr)
    print(f"\n{len(deck.pages)} cases in {parsed.out / 'deck.pptx'} and deck.html")


def _figures(parsed: argparse.Namespace) -> None:
    from zsad_core.report import figures  # Matplotlib and Plotly, for this command alone

    specs = [DataSpec(kind, root) for root in parsed.data for kind in datasets.LAYOUTS]
    known = row_views.known_data_sets()
    maps = figures.Maps(Engine(), [*specs, *known], progress=show)
    claim(parsed.out)
    rules = {
        "empty": parsed.empty,
        "which": parsed.slices,
        "centre": parsed.centre,
        "exposed": parsed.exposed,
    }

    def choose(group: ComparisonGroup) -> Selection:
        regions = {spec.region for spec in known if spec.kind == group.data}
        only = regions.pop() if len(regions) == 1 else DataSpec.region
        return Selection(group, region=parsed.region or only, **rules)

    for path in figures.write_all(parsed.results, parsed.out, maps, choose, parsed.also):
        print(path)
        if path.name == figures.NOT_DRAWN:
            print(path.read_text(encoding="utf-8").strip(), file=sys.stderr)


def _map(parsed: argparse.Namespace) -> None:
    print(maps.run(map_request.request_of(parsed), show))


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
