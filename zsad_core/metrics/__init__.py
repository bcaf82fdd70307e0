"""One number for each question: Dice, depth, ranking, lesions, surfaces, thresholds, readout."""
