"""Split files of others: CSV, TSV, JSON, and nnU-Net's `splits_final.json`."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import pydantic

from zsad_core.base.wording import problem_of
from zsad_core.errors import DataError
from zsad_core.imaging.splits.tables import PARTS, Fold
from zsad_core.types import Split

LARGEST = 64 * 2**20  # bytes
SUBJECT_COLUMNS = ("subject", "subject_id", "id", "case", "case_id", "participant_id", "name")
PART_COLUMNS = ("split", "part", "set", "subset", "fold")
WORDS: dict[str, Split] = {
    **dict.fromkeys(("train", "training", "tr"), "train"),
    **dict.fromkeys(("validation", "val", "valid", "dev", "tuning"), "validation"),
    **dict.fromkeys(("test", "testing", "ts", "held-out", "holdout"), "test"),
}
ACCEPTED = (
    "a table with the columns subject and split (train, validation, test, or the number of a "
    'fold), JSON {"train": [ids], "validation": [ids], "test": [ids]}, JSON {id: part}, or '
    "nnU-Net's splits_final.json"
)
IDS = pydantic.TypeAdapter(list[str])


def read_folds(path: Path) -> tuple[Fold, ...]:
    """The folds of a file, as `folds_of`; raises DataError also for one that cannot be opened."""
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= LARGEST else b""
    except OSError as error:
        raise DataError(f"'{path}' cannot be read ({error}); give {ACCEPTED}.") from error
    if size > LARGEST:
        raise DataError(f"'{path}' has {size / 2**20:.0f} MB, too much for a split; give another.")
    return folds_of(path.name, content)


def folds_of(name: str, content: bytes) -> tuple[Fold, ...]:
    """The folds that the content of a file holds; its name tells the format.

    In a table whose column holds numbers, each number is a fold: its subjects validate, those of
    the other numbers train, and those called "test" test in all. Raises DataError.
    """
    suffix = Path(name).suffix.lower()
    try:
        text = content.decode("utf-8-sig")
        if suffix == ".json":
            return _of_json(json.loads(text))
        return _of_table(text, "\t" if suffix in (".tsv", ".tab") else ",")
    except (ValueError, RecursionError, csv.Error) as error:
        raise DataError(f"'{name}' is no split ({_reason(error)}); give {ACCEPTED}.") from error


def _of_json(content: object) -> tuple[Fold, ...]:
    if isinstance(content, dict) and isinstance(content.get("folds"), list):
        content = content["folds"]
    if isinstance(content, list):
        if not content:
            raise ValueError("the list of folds is empty")
        return tuple(_of_parts(fold) for fold in content)
    if isinstance(content, dict) and all(isinstance(value, list) for value in content.values()):
        return (_of_parts(content),)
    if isinstance(content, dict):
        return _of_pairs((str(subject), str(part)) for subject, part in content.items())
    raise ValueError("the outermost value is neither a list nor an object")


def _of_parts(parts: object) -> Fold:
    if not isinstance(parts, Mapping):
        raise ValueError(f"a fold is {str(parts)[:40]!r}, not an object of parts")
    subjects: dict[Split, list[str]] = defaultdict(list)
    for word, names in parts.items():
        subjects[_part(str(word))] += IDS.validate_python(names)
    return Fold(*(tuple(sorted(subjects[part])) for part in PARTS))


def _of_table(text: str, delimiter: str) -> tuple[Fold, ...]:
    rows = csv.DictReader(text.splitlines(), delimiter=delimiter)
    columns = {name.strip().casefold(): name for name in rows.fieldnames or () if name}
    subject = next((columns[name] for name in SUBJECT_COLUMNS if name in columns), None)
    part = next((columns[name] for name in PART_COLUMNS if name in columns), None)
    if subject is None or part is None:
        raise ValueError(f"its columns are {', '.join(columns) or 'missing'}")
    return _of_pairs(((row[subject] or "").strip(), (row[part] or "").strip()) for row in rows)


def _of_pairs(pairs: Iterable[tuple[str, str]]) -> tuple[Fold, ...]:
    subjects: dict[str, list[str]] = defaultdict(list)
    for subject, part in pairs:
        if not subject:
            raise ValueError("a row names no subject")
        if part:
            subjects[part].append(subject)
    numbers = sorted((name for name in subjects if name.isdecimal()), key=int)
    if not numbers:
        return (_of_parts(subjects),)
    if len(numbers) == 1:
        raise ValueError(f"'{numbers[0]}' is the only number of a fold")
    test = {word: names for word, names in subjects.items() if word not in numbers}
    if any(_part(word) != "test" for word in test):
        raise ValueError("numbers of folds stand beside parts other than test")
    return tuple(
        _of_parts(
            {
                **test,
                "train": [n for other in numbers if other != fold for n in subjects[other]],
                "validation": subjects[fold],
            }
        )
        for fold in numbers
    )


def _part(word: str) -> Split:
    part = WORDS.get(word.strip().casefold())
    if part is None:
        raise ValueError(f"'{word[:40]}' is no part; use {', '.join(PARTS)}")
    return part


def _reason(error: Exception) -> str:
    if isinstance(error, pydantic.ValidationError):
        return f"ids of subjects: {problem_of(error)}"
    return str(error)[:200] or "too deeply nested"
