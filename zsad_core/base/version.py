"""The version of the project, which stands in every row."""

VERSION = "0.1.0"
