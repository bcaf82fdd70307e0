"""Splits of a data set: which subjects train, which validate, which test."""

from zsad_core.imaging.splits.facts import ScanFacts, scan_facts, voxel_digest
from zsad_core.imaging.splits.making import BALANCES, Draw, draw_folds
from zsad_core.imaging.splits.reading import read_folds
from zsad_core.imaging.splits.tables import (
    LEFT_OUT,
    PARTS,
    Fold,
    SplitTable,
    check,
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
    "check",
    "draw_folds",
    "patient_of",
    "read_folds",
    "scan_facts",
    "voxel_digest",
]
