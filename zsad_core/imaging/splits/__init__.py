"""Splits of a data set: which subjects train, which validate, which test."""

from zsad_core.imaging.splits.facts import ScanFacts, scan_facts, voxel_digest
from zsad_core.imaging.splits.making import BALANCES, Draw, checked_table, draw_folds, draw_of
from zsad_core.imaging.splits.reading import folds_of, read_folds
from zsad_core.imaging.splits.tables import (
    LEFT_OUT,
    PARTS,
    Fold,
    SplitTable,
    check_table,
    patient_of,
)

__all__ = [
    "BALANCES",
    "LEFT_OUT",
    "PARTS",
    "Draw",
    "Fold",
    "ScanFacts",
    "SplitTable",
    "check_table",
    "checked_table",
    "draw_folds",
    "draw_of",
    "folds_of",
    "patient_of",
    "read_folds",
    "scan_facts",
    "voxel_digest",
]
