// A map's thresholds: 256 of its values, ascending from 0. A voxel of level k is at or above
// threshold k and below threshold k + 1, so "level >= k" is "value >= threshold k". All maps of a
// view are aligned: one index (the cut) is the same share of each map's range.

import { within } from "./elements.js";

// Where a value stands: at itself, else at the first threshold above it, else at the last.
export function cutOf(thresholds, value) {
  const least = Math.fround(value);
  const cut = thresholds.findIndex((threshold) => threshold >= least);
  return cut < 0 ? thresholds.length - 1 : cut;
}

// What a level is of the declared range at least, 0 to 1.
export function sharesOf({ thresholds, high }) {
  return Float32Array.from(thresholds, (value) => within(value / high, 0, 1));
}

const FEWEST_DIGITS = 3;
const ALL_DIGITS = 9; // tell any two float32 apart

// A value in as few digits as say it exactly, or as suffice.
function shortest(value, suffices) {
  if (!value) return "0";
  for (let digits = FEWEST_DIGITS; digits < ALL_DIGITS; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(text) === value || suffices(text, digits)) return text;
  }
  return value.toPrecision(ALL_DIGITS);
}

export const thresholdText = (value) => shortest(value, () => false);

// For scales and intervals: exactly, or in as few digits as tell it from its neighbours.
export function shortText(thresholds, cut) {
  const value = thresholds[cut];
  const neighbours = [thresholds[cut - 1], thresholds[cut + 1]].filter((other) => other !== value);
  return shortest(value, (text, digits) =>
    neighbours.every((other) => other?.toPrecision(digits) !== text));
}

// All that is known of a voxel's value: at or above the first, below the second.
export function intervalText(thresholds, level) {
  const least = shortText(thresholds, level);
  return level + 1 < thresholds.length ? `${least}–${shortText(thresholds, level + 1)}`
    : `≥ ${least}`;
}
