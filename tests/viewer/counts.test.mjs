// Counts of a volume worked out by hand: two slices of 1 x 4, one of them with a lesion.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  VOLUME_DICE, countVolume, countsAt, dice, greyAt, histograms, openTable, openVolume, oracleCut,
  sliceCounts, tally, volumeCounts, worstSlices,
} from "../../zsad_explorer/viewer/counts.js";

const ALL = { brainOnly: true, smallest: 1 };

function opened() {
  const image = Uint8Array.of(0, 10, 20, 30, 0, 40, 40, 0);
  const flags = Uint8Array.of(0, 1, 3, 3, 0, 1, 1, 0); // brain is 1, truth 2
  const header = { shape: [2, 1, 4], truth: true, brain: null };
  const payload = { header, arrays: [image, flags], have: new Set([0, 1]) };
  const volume = openVolume(payload, { axes: "SPL", spacing: [1, 1, 1] });
  countVolume(volume, payload);
  const levels = Uint8Array.of(255, 7, 0, 9, 255, 3, 9, 255);
  const table = openTable(2, true);
  assert.equal(tally(volume, levels, payload, table), true);
  return { volume, payload, map: { levels, table } };
}

test("voxels are counted once, those outside the brain never", () => {
  const { volume, payload, map } = opened();
  countVolume(volume, payload);
  assert.equal(tally(volume, map.levels, payload, map.table), false);
  assert.deepEqual([...volume.brain], [3, 2]);
  assert.deepEqual([...volume.lesion], [2, 0]);
  assert.deepEqual(countsAt(volume, map, 7, ALL),
    { predicted: Uint32Array.of(2, 1), tp: Uint32Array.of(1, 0), mask: null });
});

test("the counts of a threshold give one Dice for a slice and one for the volume", () => {
  const { volume, map } = opened();
  const counts = countsAt(volume, map, 7, ALL);
  assert.deepEqual(sliceCounts(volume, counts, 0), { tp: 1, fp: 1, fn: 1 });
  assert.deepEqual(volumeCounts(volume, counts), { tp: 1, fp: 2, fn: 1 });
  assert.equal(dice(volumeCounts(volume, counts), VOLUME_DICE), 2 / 5);
});

test("components under the smallest size leave the counts", () => {
  const { volume, map } = opened();
  const { predicted, tp, mask } = countsAt(volume, map, 9, { brainOnly: true, smallest: 3 });
  assert.deepEqual([[...predicted], [...tp], [...mask].some(Boolean)], [[0, 0], [0, 0], false]);
});

test("an empty slice has the Dice that its rule says, or none", () => {
  assert.equal(dice({ tp: 0, fp: 3, fn: 0 }, [0, 1]), 0);
  assert.equal(dice({ tp: 0, fp: 0, fn: 0 }, [0, 1]), 1);
  assert.equal(dice({ tp: 0, fp: 0, fn: 0 }, [null, null]), NaN);
});

test("the worst slice comes first; a slice without Dice does not come", () => {
  const { volume, map } = opened();
  const counts = countsAt(volume, map, 7, ALL);
  assert.deepEqual(worstSlices(volume, counts, [0, 1]), [1, 0]);
  assert.deepEqual(worstSlices(volume, counts, [null, null]), [0]);
});

test("the oracle is the lowest of the thresholds with the best Dice", () => {
  const { volume, map: { table } } = opened();
  // Levels 9 and 0 in the lesion, 7, 3 and 9 beside it: Dice is 4/7 with all, 2/4 at best without 0.
  assert.equal(oracleCut(volume, table), 0);
  assert.equal(oracleCut(volume, { all: table.all, lesion: table.lesion.map(() => 0) }), null);
});

test("histograms part the brain by the truth", () => {
  const { volume, map } = opened();
  const { healthy, lesion } = histograms(volume, map.table);
  const filled = (bins) => [...bins].flatMap((n, level) => (n ? [[level, n]] : []));
  assert.deepEqual(filled(healthy), [[3, 1], [7, 1], [9, 1]]);
  assert.deepEqual(filled(lesion), [[0, 1], [9, 1]]);
});

test("a share of the brain's pixels lies at or below a grey level", () => {
  const { volume } = opened();
  assert.equal(greyAt(volume, 0.2), 10);
  assert.equal(greyAt(volume, 0.61), 40);
});
