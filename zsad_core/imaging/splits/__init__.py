"""Splits of a data set: which subjects train, which validate, which test."""
