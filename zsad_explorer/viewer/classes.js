// The classes of a pixel, beside the truth and the prediction.

export const NONE = 0;
export const TP = 1;
export const FP = 2;
export const FN = 3;
// Which classes belong to the set that an outline goes round.
export const IN_TRUTH = [0, 1, 0, 1];
export const IN_PREDICTED = [0, 1, 1, 0];
