"""MVFA on the demo."""

from zsad_core.methods.setup import trained

STILL = (("augment", "no"),)  # a memory without turned views: an eleventh of the comparisons

SETUPS = trained("mvfa", "adapters inside the tower", STILL)
