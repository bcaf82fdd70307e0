"""Rows of results: their columns and conventions, of one subject, on disk."""
