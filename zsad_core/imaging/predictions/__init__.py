"""Predictions of other models, brought as NIfTI files: one a subject, masks or score maps."""
