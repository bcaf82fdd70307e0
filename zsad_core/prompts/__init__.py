"""Prompt sets: the shipped ones as YAML, and how sets are read and kept."""
