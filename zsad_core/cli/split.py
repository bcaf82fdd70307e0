"""`zsad split`: which subjects of a data set train, validate and test."""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import get_args

from zsad_core.base import settings
from zsad_core.base.paths import root_of
from zsad_core.base.wording import counted
from zsad_core.cli.data import DATA, data_of
from zsad_core.cli.progress import shown_as
from zsad_core.errors import SettingError
from zsad_core.imaging import datasets
from zsad_core.imaging.splits import registry
from zsad_core.imaging.splits.facts import ScanFacts
from zsad_core.imaging.splits.making import BALANCES, By, Draw, checked_table
from zsad_core.imaging.splits.reading import read_folds
from zsad_core.imaging.splits.tables import Fold, SplitTable
from zsad_core.types import DataSpec


def options(parser: argparse.ArgumentParser) -> None:
    """Options of `split`."""
    add = parser.add_argument
    add("root", metavar=DATA)
    add("--name", default="main", help="under which it is chosen (default main)")
    add("--shares", type=_shares, default=Draw.shares, metavar="60/10/30",
        help="train/validation/test in percent")  # fmt: skip
    add("--folds", type=int, default=1, metavar="K", help="for cross-validation; test stays apart")
    add("--seed", type=int, default=0)
    add("--by", choices=get_args(By), default="patient", help="what stays whole")
    add("--balance", type=_balance, default=(), metavar=",".join(BALANCES))
    add("--from", dest="source", type=Path, metavar="FILE",
        help="read it instead: CSV, TSV, JSON or nnU-Net's splits_final.json")  # fmt: skip
    add("--replace", action="store_true", help="replace the split of that name")
    add("--list", action="store_true", help="the splits of these data, and nothing else")
    add("--remove", metavar="NAME", help="remove a split, and nothing else")


def add_choice(parser: argparse.ArgumentParser) -> None:
    """The options by which other commands choose a split."""
    add = parser.add_argument
    add("--split-name", default="", metavar="NAME", help="where data have several splits")
    add("--no-split", action="store_true", help="take data without a split: nothing is held out")


def divided(data: DataSpec, name: str, without: bool) -> DataSpec:
    """The data, without a split yet, with the one to use: named, the app's, or the only one.

    The demo has its own. Raises SettingError if there is none or more than one to choose from,
    unless data are wanted `without`.
    """
    if without and name:
        raise SettingError(f"--no-split and --split-name {name} exclude each other; give one.")
    if without:
        return data
    if name:
        registry.fold(replace(data, split=name))
        return replace(data, split=name)
    if any(subject.split for subject in datasets.open_dataset(data).subjects()):
        return data
    uses = [use for table in registry.tables(data) for use in table.uses]
    chosen = [
        spec.split for spec in settings.data_roots().values() if root_of(spec) == root_of(data)
    ]
    if chosen and chosen[0] in uses:
        return replace(data, split=chosen[0])
    if len(uses) == 1:
        return replace(data, split=uses[0])
    if uses:
        raise SettingError(
            f"{data.place} has {len(uses)} splits; choose one by --split-name: {', '.join(uses)}."
        )
    raise SettingError(
        f"{data.place} has no split, so nothing keeps test subjects out of training, thresholds "
        "and prompts; make one by zsad split, or give --no-split."
    )


def run(parsed: argparse.Namespace) -> None:
    """Make, read, list or remove splits; raises ZsadError."""
    data = replace(data_of(parsed.root), split="")
    if parsed.list:
        _list(data)
    elif parsed.remove:
        registry.remove(data, parsed.remove)
        print(f"{parsed.remove} is removed")
    elif parsed.source:
        folds = read_folds(parsed.source)
        table = SplitTable("", folds, f"read from {parsed.source.name}")
        make(data, parsed.name, table, parsed.replace)
    else:
        draw = Draw(parsed.shares, parsed.seed, parsed.by, parsed.balance, parsed.folds)
        make(data, parsed.name, draw, parsed.replace)


def summary(table: SplitTable, fold: Fold, facts: dict[str, ScanFacts]) -> Iterator[str]:
    """A line for each part: subjects, patients, lesion volumes."""
    for part, subjects in fold.parts():
        volumes = [facts[name].lesion_ml for name in subjects if name in facts]
        lesion_ml = [volume for volume in volumes if volume is not None]
        lesions = f", median lesion {median(lesion_ml):.1f} ml" if lesion_ml else ""
        patients = counted(len({table.patient(name) for name in subjects}), "patient")
        yield f"{part}: {counted(len(subjects), 'subject')} of {patients}{lesions}"


def make(data: DataSpec, name: str, source: Draw | SplitTable, replaced: bool = False) -> None:
    """Draw or check a split, keep it and print it; raises ZsadError."""
    dataset = datasets.open_dataset(data)
    table, facts = checked_table(dataset, name, source, shown_as("scans read"))
    names = [subject.id for subject in dataset.subjects()]
    registry.save(data, table, replaced)
    for use, fold in zip(table.uses, table.folds, strict=True):
        print(f"{use}  {fold.digest[:12]}  {table.origin}")
        print("\n".join(f"  {line}" for line in summary(table, fold, facts)))
        if omitted := sorted(set(names) - fold.part_of().keys()):
            print(f"  in no part: {counted(len(omitted), 'subject')}, such as {omitted[0]}")
    _use(data, table)


def _use(data: DataSpec, table: SplitTable) -> None:
    """Let the app use the first split of a root that it knows."""
    specs = [spec for spec in settings.data_roots().values() if root_of(spec) == root_of(data)]
    if data.root and specs and not specs[0].split:
        settings.remember(replace(specs[0], split=table.uses[0]))
        print(f"the app uses {table.uses[0]} for {data.place}")


def _list(data: DataSpec) -> None:
    tables = registry.tables(data)
    for table in tables:
        print(f"{table.name}  {table.origin}")
        for use, fold in zip(table.uses, table.folds, strict=True):
            counts = ", ".join(f"{len(subjects)} {part}" for part, subjects in fold.parts())
            print(f"  {use}  {fold.digest[:12]}  {counts}")
    if not tables:
        print(f"{data.place} has no split")


def _shares(text: str) -> tuple[float, ...]:
    """Three numbers, as they are given: 60/10/30."""
    try:
        train, validation, test = (float(part) for part in text.split("/"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not like 60/10/30") from error
    return train, validation, test


def _balance(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(","))
    if unknown := [name for name in names if name not in BALANCES]:
        raise argparse.ArgumentTypeError(f"'{unknown[0]}' is none of {', '.join(BALANCES)}")
    return names
