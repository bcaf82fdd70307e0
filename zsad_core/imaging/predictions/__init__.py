"""Predictions of other models, brought as NIfTI files: one a subject, masks or score maps."""

from zsad_core.imaging.predictions.grids import Grid, grid_of
from zsad_core.imaging.predictions.matching import Survey, survey
from zsad_core.imaging.predictions.reading import Prediction, read, score_range
from zsad_core.imaging.predictions.sets import Kind, Predictions

__all__ = [
    "Grid",
    "Kind",
    "Prediction",
    "Predictions",
    "Survey",
    "grid_of",
    "read",
    "score_range",
    "survey",
]
