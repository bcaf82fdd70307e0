"""Scans and images: data sets, uploads, image sets, and volumes as slices."""
