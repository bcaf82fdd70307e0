"""`zsad export`."""

import argparse
from pathlib import Path

from zsad_core.base.atomic import claim
from zsad_core.results import parquet as results


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `export`."""
    parser.add_argument("--results", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.set_defaults(run=_export)


def _export(parsed: argparse.Namespace) -> None:
    claim(parsed.out)
    for path in results.export_csv(parsed.results, parsed.out):
        print(path)
