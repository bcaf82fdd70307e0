"""`zsad evaluate`."""

import argparse
import math
import shlex
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pandas as pd

from zsad_core import backbones, methods
from zsad_core.base.atomic import claimed
from zsad_core.base.wording import counted, whole_number
from zsad_core.cli import engines, split
from zsad_core.cli.data import DATA, add_meaning, chosen, modality_of
from zsad_core.errors import SettingError
from zsad_core.evaluation import choosing
from zsad_core.evaluation.choosing import EVERY
from zsad_core.evaluation.plan import Workload, duration, plan
from zsad_core.evaluation.run import SubjectsLeftOutError
from zsad_core.evaluation.run import run as evaluate
from zsad_core.evaluation.tasks import Cohort, Keep, Work, spec_of, subjects, unusable
from zsad_core.imaging import datasets
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.lab import prompt_checks
from zsad_core.metrics.threshold_rules import COMMAND, RULES, Fixed, Validation, rule_of
from zsad_core.metrics.thresholds import fixed_threshold
from zsad_core.report import overview, table_text
from zsad_core.results import parquet as results
from zsad_core.types import DataSpec, Plane, ReadoutSpec

SPLITS = ("train", "validation", "test", "extra", "all")
RULES_HELP = f"{COMMAND}. " + " ".join(
    f"{rule.name}: {rule.explanation}" for rule in RULES.values() if not isinstance(rule, Fixed)
)


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Options of `evaluate`."""
    add = parser.add_argument
    add("--data", default="demo", metavar=DATA)
    add_meaning(parser)
    add("--plane", choices=get_args(Plane), default="axial", help="of the slices")
    add(
        "--methods",
        nargs="+",
        required=True,
        metavar="METHOD",
        help=f"{', '.join(methods.METHODS)}, a set of predictions, or {EVERY}",
    )
    add("--setups", nargs="+", default=[EVERY], help="all that are here by default")
    add("--prompts", nargs="+", default=[], help="shipped or own names, YAML files")
    add("--split", choices=SPLITS, default="test")
    split.add_choice(parser)
    add("--subjects", nargs="+", default=[], metavar="ID")
    add(
        "--part",
        default="1/1",
        metavar="I/N",
        help="the Ith of N parts of the subjects, for N runs into one --out",
    )
    add(
        "--threshold",
        nargs="+",
        default=[Validation.name],
        metavar="RULE",
        help=RULES_HELP.replace("%", "%%"),
    )
    add("--min-component", type=int, default=0, metavar="VOXELS")
    add("--outside-brain", action="store_true", help="let masks leave the brain")
    add("--batch", type=int, default=4, help="slices encoded at once")
    add("--device", default=backbones.default_device())
    add("--precision", choices=["float32", "bfloat16"], default="")
    add(
        "--keep",
        choices=get_args(Keep),
        default=Cohort.keep,
        help="what the cache keeps of a subject once its rows are whole (default: %(default)s); "
        "--plan says how much each takes",
    )
    engines.add_arguments(parser)
    add("--plan", action="store_true", help="say what it takes and stop")
    add("--out", type=Path, required=True, metavar="DIR")


def cohort_of(parsed: argparse.Namespace) -> tuple[Cohort, str]:
    """The cohort, and a line on what it leaves out; raises SettingError, PromptError, DataError."""
    data = split.divided(chosen(parsed, parsed.data), parsed.split_name, parsed.no_split)
    if parsed.batch < 1:
        raise SettingError(f"--batch is {parsed.batch}; give 1 or more.")
    rules = [_rule_text(text) for text in parsed.threshold]
    modality = modality_of(data, parsed.modality)
    every = datasets.open_dataset(data).subjects()
    volumes, undivided = pipeline.set_of(every, modality), not any(each.split for each in every)
    pairs, left_out = choosing.pairs(parsed.methods, parsed.setups, len(volumes), data)
    if not pairs:
        raise SettingError(
            f"None of {', '.join(parsed.methods)} has a setup {', '.join(parsed.setups)} that is "
            "here; see zsad doctor."
        )
    cohort = Cohort(
        data=data,
        configurations=choosing.configurations(pairs, parsed.prompts, data.region),
        out=parsed.out.absolute(),
        split="" if parsed.split == "all" or undivided else parsed.split,
        names=tuple(parsed.subjects),
        modality=modality,
        plane=parsed.plane,
        rules=tuple(dict.fromkeys(rules)),
        readout=ReadoutSpec(
            brain_only=not parsed.outside_brain, min_component_voxels=parsed.min_component
        ),
        batch=parsed.batch,
        precision=parsed.precision,
        keep=parsed.keep,
    )
    return _part(cohort, parsed.part), choosing.skipped_line(left_out)


def _part(cohort: Cohort, text: str) -> Cohort:
    """Every Nth subject from the Ith on, for "I/N"; SettingError for other text or no subject."""
    number, _, parts = (whole_number(word) or 0 for word in text.partition("/"))
    if not 1 <= number <= parts:
        raise SettingError(f"--part is '{text}'; give one of N parts, such as 1/4.")
    if parts == 1:
        return cohort
    names = [subject.id for subject in subjects(cohort)]
    if number > len(names):
        raise SettingError(
            f"--part is '{text}' of {counted(len(names), 'subject')}; give at most {len(names)} "
            "parts."
        )
    return replace(cohort, names=tuple(names[number - 1 :: parts]))


def command(cohort: Cohort) -> str:
    """The command line that makes the rows of a cohort, for a shell."""
    data, read = cohort.data, cohort.readout
    volumes = len(pipeline.set_of(datasets.open_dataset(data).subjects(), cohort.modality))
    pairs = list(dict.fromkeys((each.method, each.setup) for each in cohort.configurations))
    names = list(dict.fromkeys(method for method, _ in pairs))
    every_setup, _ = choosing.pairs(names, (), volumes, data)
    words = ["python", "-m", "zsad_core", "evaluate", "--data", data.root or data.kind]
    options: dict[str, Sequence[str]] = {
        "--kind": [data.kind] if data.root else [],
        "--labels": [data.labels] if data.labels != "auto" else [],
        "--region": [data.region] if data.region != DataSpec.region else [],
        "--modality": [cohort.modality],
        "--plane": [cohort.plane] if cohort.plane != "axial" else [],
        "--methods": names,
        "--setups": [] if pairs == every_setup else list(dict.fromkeys(pair[1] for pair in pairs)),
        "--prompts": _prompt_names(cohort),
        "--split": [cohort.split or "all"],
        "--split-name": [data.split] if data.split else [],
        "--subjects": cohort.names,
        "--threshold": cohort.rules,
        "--min-component": [str(read.min_component_voxels)] if read.min_component_voxels else [],
        "--precision": [cohort.precision] if cohort.precision else [],
        "--keep": [cohort.keep] if cohort.keep != Cohort.keep else [],
        "--out": [str(cohort.out)],
    }
    words += [word for name, values in options.items() if values for word in (name, *values)]
    words += ["--no-split"] if data.root and not data.split else []
    words += [] if read.brain_only else ["--outside-brain"]
    return shlex.join(words)


def _rule_text(text: str) -> str:
    """A rule by name and amount, a value or share as it is; SettingError for what is no rule."""
    rule = rule_of(text)
    if not isinstance(rule, Fixed):
        return rule.text
    fixed_threshold(text, math.inf)
    return text


def _prompt_names(cohort: Cohort) -> list[str]:
    """Prompt sets by name; none where each method has its own."""
    pairs = [(each.method, each.setup) for each in cohort.configurations]
    if cohort.configurations == choosing.configurations(pairs, region=cohort.data.region):
        return []
    names = (each.prompts.name for each in cohort.configurations)
    return list(dict.fromkeys(filter(None, names)))


def run(parsed: argparse.Namespace) -> None:
    """Evaluate, or with --plan say what it takes; raises ZsadError."""
    known = parsed.plan or (parsed.out / "subjects").is_dir()  # it holds rows
    with nullcontext() if known else claimed(parsed.out):
        _work(parsed)


def _work(parsed: argparse.Namespace) -> None:
    engine, (cohort, left_out) = Engine(device=parsed.device), cohort_of(parsed)
    if left_out:
        print(left_out, flush=True)
    for subject in unusable(cohort):
        print(f"Left out: {subject.id}. {subject.problem}", flush=True)
    # Workers have the device, which this machine may lack.
    reader = engine if parsed.engine == "local" else Engine(device="cpu")
    for configuration in cohort.configurations:
        if cut := prompt_checks.cut_warning(reader, spec_of(reader, cohort, "", configuration)):
            print(f"warning: {configuration.method} · {configuration.setup}: {cut}", flush=True)
    if parsed.engine == "local":
        _rows(parsed, engine, cohort, plan(engine, cohort), engines.local_work(parsed, engine))
        return
    with engines.cluster_of(parsed, parsed.out) as cluster:
        _rows(parsed, engine, cohort, cluster.plan(cohort), cluster.work)


def _rows(
    parsed: argparse.Namespace, engine: Engine, cohort: Cohort, planned: Workload, work: Work
) -> None:
    print(planned, flush=True)
    if parsed.plan:
        return
    began = time.monotonic()

    def show(done: int, total: int) -> None:
        remaining = (time.monotonic() - began) / done * (total - done) if done else None
        remainder = f", {duration(remaining)} left" if remaining is not None else ""
        print(f"\r{done} of {total} maps{remainder}      ", end="", file=sys.stderr, flush=True)

    left_out: SubjectsLeftOutError | None = None
    try:
        evaluate(engine, cohort, work, show)
    except SubjectsLeftOutError as error:  # told at the end, below what the others give
        left_out = error
    print(file=sys.stderr)
    with results.connect(cohort.out) as rows:
        ids = [subject.id for subject in subjects(cohort)]
        means = overview.configuration_means(rows, cohort, ids)
    names, body = table_text.cells(means)
    print(pd.DataFrame(body, columns=names).to_string(index=False))
    print(overview.INTERVAL)
    print(f"rows in {cohort.out}")
    if left_out is not None:
        raise left_out
