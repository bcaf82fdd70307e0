// Bits of the flag byte of a voxel, as chunks.py packs it.

export const BRAIN = 1;
export const TRUTH = 2;
export const LABEL_SHIFT = 2; // above the bits of brain and truth stands the label
