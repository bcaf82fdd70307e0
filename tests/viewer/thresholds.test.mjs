// Levels and the text of thresholds.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  cutOf, intervalText, sharesOf, shortText, thresholdText,
} from "../../zsad_explorer/viewer/thresholds.js";

const thresholds = Float32Array.of(0, 0.25, 0.412, 0.41201, 3);

test("a value stands at itself, else at the first threshold above it, else at the last", () => {
  assert.deepEqual([0, 0.25, 0.2500001, 3, 4].map((value) => cutOf(thresholds, value)),
    [0, 1, 2, 4, 4]);
});

test("a value is held to float32, as the thresholds are", () => {
  assert.equal(cutOf(thresholds, 0.412), 2);
});

test("a level's share of the range ends at 1", () => {
  assert.deepEqual([...sharesOf({ thresholds: [0, 1, 3], high: 2 })], [0, 0.5, 1]);
});

test("a threshold is written exactly, on a scale so that its neighbours differ", () => {
  assert.equal(thresholdText(Math.fround(2.9999974)), "2.9999974");
  assert.deepEqual([0, 1, 2, 3, 4].map((cut) => shortText(thresholds, cut)),
    ["0", "0.250", "0.412", "0.41201", "3.00"]);
  assert.equal(intervalText(thresholds, 1), "0.250–0.412");
  assert.equal(intervalText(thresholds, 4), "≥ 3.00");
});
