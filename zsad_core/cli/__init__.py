"""The command line: `python -m zsad_core`."""
