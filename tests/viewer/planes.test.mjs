// A stack of 2 x 3 x 4 voxels of 3, 2 and 1 mm: planes, sides and places in it.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  gatherPlane, millimetres, nativePlane, placed, planeOf, turned, voxelOf,
} from "../../zsad_explorer/viewer/planes.js";

const stack = { axes: "SPL", shape: [2, 3, 4], spacing: [3, 2, 1], slices: 2, height: 3, width: 4 };
const source = Uint8Array.from({ length: 24 }, (_, i) => i);

function picture(name, convention, cross) {
  const plane = planeOf(stack, name, convention);
  const out = new Uint8Array(plane.rows.count * plane.columns.count);
  gatherPlane(source, plane, cross, out);
  return [...out];
}

test("the plane in which the slices lie is copied as it is", () => {
  assert.equal(nativePlane(stack), "axial");
  assert.deepEqual(picture("axial", "radiological", [1, 0, 0]), [...source.slice(12)]);
});

test("neurological has the patient's left on the left", () => {
  assert.deepEqual(picture("axial", "neurological", [0, 0, 0]),
    [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8]);
});

test("a coronal picture has the upper slice on top", () => {
  assert.deepEqual(picture("coronal", "radiological", [0, 2, 0]),
    [20, 21, 22, 23, 8, 9, 10, 11]);
});

test("turning a place round twice gives it back", () => {
  const side = { reversed: true, count: 4 };
  assert.deepEqual([0, 3].map((at) => turned(side, at)), [3, 0]);
  assert.deepEqual([0, 4].map((at) => turned(side, turned(side, at, true), true)), [0, 4]);
});

test("millimetres have one scale in both directions of a picture", () => {
  const plane = planeOf(stack, "coronal", "radiological");
  const rect = placed(plane, { x: 0, y: 0, width: 40, height: 600 }, 1, [1, 1.5, 2]);
  assert.deepEqual(rect, { x: 0, y: 270, width: 40, height: 60, perMm: 10 });
});

test("a place in the stack is a voxel of the volume, in mm by its affine", () => {
  assert.deepEqual(voxelOf(stack, [1, 0, 3]), [0, 2, 1]);
  const affine = [[2, 0, 0, -5], [0, 3, 0, 0], [0, 0, 4, 1]];
  assert.deepEqual(millimetres(affine, [0, 2, 1]), [-5, 6, 5]);
});
