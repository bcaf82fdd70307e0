// Components of masks small enough to see them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { forComponents, lesionsOf, withoutSmall } from "../../zsad_explorer/viewer/components.js";

const size = { slices: 2, height: 3, width: 5 };

function sizes(voxels) {
  const found = [];
  forComponents(size, voxels, (queue, from, to) => found.push(to - from));
  return found;
}

test("voxels that share a corner are one component, those of two rows' ends are not", () => {
  assert.deepEqual(sizes([0, 15 + 6]), [2]);
  assert.deepEqual(sizes([4, 5]), [1, 1]);
});

test("a component under the smallest size is dropped, one of that size stays", () => {
  const levels = Uint8Array.from({ length: 30 }, (_, i) => ([0, 1, 4].includes(i) ? 9 : 0));
  const volume = { ...size, flags: new Uint8Array(30).fill(1) };
  const readout = { cut: 9, brainOnly: true, smallest: 2, predicted: [3, 0] };
  const { mask, dropped } = withoutSmall(volume, levels, readout);
  assert.deepEqual(dropped, [4]);
  assert.deepEqual([...mask].flatMap((on, i) => (on ? [i] : [])), [0, 1]);
});

test("parts of the truth one voxel apart are one lesion, two apart are two", () => {
  const lesions = (at) => lesionsOf({ ...size,
    flags: Uint8Array.from({ length: 30 }, (_, i) => (at.includes(i) ? 3 : 1)) });
  assert.deepEqual(lesions([5, 7]), [{ voxels: 2, at: [0, 1, 1] }]);
  assert.deepEqual(lesions([5, 9]).map(({ at }) => at), [[0, 1, 0], [0, 1, 4]]);
});
