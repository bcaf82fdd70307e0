"""The report of a study: one self-contained page that reads as a results section."""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import jinja2
import pandas as pd

from zsad_core import methods, setups
from zsad_core.base.wording import counted, decimals
from zsad_core.errors import DataError
from zsad_core.evaluation.choosing import Pair, skipped_line
from zsad_core.exports.words import NO_DEVICE
from zsad_core.imaging import datasets
from zsad_core.imaging.splits import registry
from zsad_core.metrics.threshold_rules import Oracle
from zsad_core.report import captions
from zsad_core.report.backbone_names import backbone_names
from zsad_core.report.comparison_groups import ComparisonGroup
from zsad_core.report.measures import dice_table, group_sums, means
from zsad_core.report.overview import INTERVAL, summary
from zsad_core.report.selection import Selection, filter_rows, left_out
from zsad_core.report.table_text import cells
from zsad_core.report.tables import tables
from zsad_core.study import lock as locks
from zsad_core.study.design import Design
from zsad_core.study.lock import Lock
from zsad_core.types import Subject

FILE = "report.html"
TEMPLATE = Path(__file__).with_name("report.html")


@dataclass(frozen=True)
class TableText:
    """A table as texts."""

    title: str
    names: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Section:
    """The results of one comparison group; `images` are figures by name, SVG in base64."""

    title: str
    sentences: Sequence[str]
    images: Mapping[str, str]
    tables: Sequence[TableText]
    conventions: str


def page(
    design: Design,
    rows: duckdb.DuckDBPyConnection,
    drawn: Mapping[Selection, Path],
    lock: Lock,
    skipped: Sequence[Pair],
    unusable: Iterable[Subject],
) -> str:
    """The report as HTML, every text escaped; `drawn` are the folders of the groups' figures.

    `skipped` are setups that do not exist, `unusable` subjects that no number has.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    study = design.study
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        title=study.title,
        synthetic=datasets.open_dataset(design.data).synthetic,
        design=[*_design(design, skipped, unusable)],
        series=_series(rows),
        notes=study.notes,
        sections=[_section(study.wants, rows, *group) for group in drawn.items()],
        exposure=[*_exposure(rows, study.conventions.exposed)],
        lock_words=(
            f"All versions and digests stand in {locks.FILE} beside this page, the study itself in "
            "study.yaml, and each number's row in the folder rows."
        ),
        versions=_versions(lock),
        no_device=NO_DEVICE,
    )


def _design(design: Design, skipped: Sequence[Pair], unusable: Iterable[Subject]) -> Iterator[str]:
    """Data, split, what is left out, thresholds and the mask."""
    data, study = design.data, design.study
    dataset = datasets.open_dataset(data)
    modalities, planes = ", ".join(design.modalities), ", ".join(study.data.planes)
    yield f"Data: {dataset.title}; {modalities}; {planes} slices."
    subjects = dataset.subjects()
    parts = pd.Series([subject.split or "in no part" for subject in subjects])
    counts = "; ".join(
        f"{part}: {counted(count, 'subject')}" for part, count in parts.value_counts().items()
    )
    if data.split:
        table = registry.find(data, data.split)
        patients = counted(len({table.patient(subject.id) for subject in subjects}), "patient")
        yield (
            f"Split '{data.split}', {table.origin}, SHA-256 {registry.digest(data)[:12]}, over "
            f"{patients}: {counts}."
        )
    elif set(parts) == {"in no part"}:
        yield "No split divides the subjects: nothing is known to be held out."
    else:
        yield f"Split of the data itself: {counts}."
    chosen = "all parts" if study.data.part == "all" else f"part '{study.data.part}'"
    least = study.mask.min_component
    yield (
        f"Reported on: {', '.join(study.data.subjects) or chosen}. "
        f"Threshold rules: {', '.join(study.thresholds)}. Masks "
        f"{'may leave' if study.mask.outside_brain else 'stay inside'} the {data.region}"
        f"{f', without components under {least} voxels' if least else ''}."
    )
    if skipped:
        yield skipped_line(skipped)
    for subject in unusable:
        yield f"Left out: {subject.id}. {subject.problem}"


def _series(rows: duckdb.DuckDBPyConnection) -> TableText:
    """What each series is made of, as its rows say."""
    content = rows.execute("""
        SELECT method, setup, prompts, precision_of_features, string_agg(DISTINCT device, ', '),
               weights_digest, checkpoint_digest, count(DISTINCT subject)
        FROM subjects GROUP BY ALL ORDER BY method, setup, prompts, precision_of_features
    """).fetchall()
    made_with = pd.DataFrame([(line[0], line[1], line[5]) for line in content])
    backbones = backbone_names(made_with.set_axis(["method", "setup", "weights_digest"], axis=1))
    columns = (
        *("method", "setup", "prompts", "backbone", "checkpoint", "precision", "device"),
        *("subjects", "origin of the setup"),
    )
    lines = []
    for line, backbone in zip(content, backbones, strict=True):
        method, setup, prompts, precision, device, weights, checkpoint, subjects = line
        entry = setups.entries().get((method, setup))
        origin = entry.provenance if entry else "not here any more"
        name = setup if method == methods.FILES else methods.name_of(method)
        named = backbone if backbone == weights[:8] else f"{backbone} {weights[:8]}"
        digests = (named, checkpoint[:8])
        lines.append((name, setup, prompts, *digests, precision, device, str(subjects), origin))
    return TableText("Series", columns, lines, "Digests are the first eight digits of SHA-256.")


def _section(
    wants: Callable[[str], bool],
    rows: duckdb.DuckDBPyConnection,
    selection: Selection,
    folder: Path,
) -> Section:
    sums, title = group_sums(rows, selection), _title(selection.group)
    try:
        frame = dice_table(sums, selection)
    except DataError as error:  # every row is of an exposed subject
        return Section(title, [str(error)], {}, [], "")
    images = {
        path.stem: base64.b64encode(path.read_bytes()).decode()
        for path in sorted(folder.glob("*.svg"))
    }
    shown = [
        TableText(table.title, *cells(table.frame), table.note_in_file)
        for table in tables(rows, sums, selection)
        if wants(table.name) and not table.frame.empty
    ]
    words = captions.caption(frame, selection, left_out(sums.frame, selection))
    evaluated = filter_rows(sums.frame, replace(selection, exposed=True))
    return Section(title, [*_headline(frame, evaluated, selection)], images, shown, words)


def _title(group: ComparisonGroup) -> str:
    return (
        f"{captions.data_of(group)}, {group.modality}, {group.plane}; threshold: {group.threshold}"
    )


def _headline(frame: pd.DataFrame, evaluated: pd.DataFrame, selection: Selection) -> Iterator[str]:
    """The result in words: the best mean, with its interval, and who is missing where."""
    results = summary(frame, means(frame), evaluated)
    yield (
        f"{counted(results.configurations, 'configuration')} over "
        f"{counted(results.subjects, 'subject')}, {results.with_dice} of them with a 3D Dice."
    )
    if best := results.best:
        oracle = " The threshold uses the ground truth: an upper bound, no result."
        oracle = oracle if isinstance(selection.group.rule, Oracle) else ""
        yield (
            f"Highest mean 3D Dice: {best.configuration}, {decimals(best.mean)} "
            f"[{decimals(best.low)}, {decimals(best.high)}] over "
            f"{counted(best.subjects, 'subject')}. {INTERVAL}{oracle}"
        )
    for series, absent in results.missing.items():
        yield f"{series} lacks {', '.join(absent)}."


def _exposure(rows: duckdb.DuckDBPyConnection, included: bool) -> Iterator[str]:
    """How many rows saw the truth of their subject, by what; that an oracle always does."""
    seen = rows.execute("""
        SELECT method, setup, reason, count(*), list_sort(list(DISTINCT subject))
        FROM (SELECT method, setup, subject, unnest(exposure) AS reason FROM subjects)
        GROUP BY ALL ORDER BY ALL
    """).fetchall()
    total = rows.execute("SELECT count(*) FILTER (len(exposure) > 0), count(*) FROM subjects")
    exposed, every = total.fetchall()[0]
    what = "are included in every mean" if included else "are in no mean, figure or test"
    yield (
        f"Of {counted(every, 'row')}, {exposed} are of subjects whose truth checkpoint, prompts, "
        f"threshold or references have seen, as far as is known; they {what}."
    )
    for method, setup, reason, count, subjects in seen:
        name = methods.configuration_name(method, setup)
        yield f"{name}: {reason}, {counted(count, 'row')} ({', '.join(subjects)})."
    yield (
        "What published checkpoints and backbones were trained on is known only as far as their "
        "authors say. Thresholds of the rule 'oracle' use the ground truth of every subject."
    )


def _versions(lock: Lock) -> TableText:
    facts = {"data": lock["data"], "study (SHA-256)": lock["study"], **lock["drawn_with"]}
    return TableText("Versions", ("what", "which"), [(k, str(v)) for k, v in facts.items()])
