"""The command line: `zsad`."""
