"""A study as one file: planned, trained, evaluated, drawn and reported from it alone."""
