// What hangs together in a mask.

import { BRAIN, TRUTH } from "./flags.js";

// The mask without 26-connected components of fewer than `smallest` voxels, as the server has it,
// and the voxels dropped; `predicted` counts those of each slice before.
export function withoutSmall(volume, levels, { cut, brainOnly, smallest, predicted }) {
  const { flags, height, width } = volume;
  const voxels = new Int32Array(predicted.reduce((sum, count) => sum + count, 0));
  let filled = 0;
  predicted.forEach((count, k) => {
    if (!count) return;
    for (let i = k * height * width; i < (k + 1) * height * width; i++) {
      if (levels[i] >= cut && (!brainOnly || flags[i] & BRAIN)) voxels[filled++] = i;
    }
  });
  const dropped = [];
  const mask = forComponents(volume, voxels, (queue, from, to) => {
    if (to - from < smallest) for (let i = from; i < to; i++) dropped.push(queue[i]);
  });
  for (const voxel of dropped) mask[voxel] = 0;
  return { mask, dropped };
}

// Calls visit(queue, from, to) for each 26-connected component of a set of voxels; returns them as
// an array that is not 0 there.
export function forComponents({ slices, height, width }, voxels, visit) {
  const mask = new Uint8Array(slices * height * width);
  for (const voxel of voxels) mask[voxel] = 1;
  const queue = new Int32Array(voxels.length);
  let end = 0;
  for (const start of voxels) {
    if (mask[start] !== 1) continue;
    const from = end;
    queue[end++] = start;
    mask[start] = 2;
    for (let head = from; head < end; head++) {
      const at = queue[head];
      const x = at % width;
      const y = Math.floor(at / width) % height;
      const k = Math.floor(at / (width * height));
      for (let c = Math.max(k - 1, 0); c <= Math.min(k + 1, slices - 1); c++) {
        for (let b = Math.max(y - 1, 0); b <= Math.min(y + 1, height - 1); b++) {
          const row = (c * height + b) * width;
          for (let a = Math.max(x - 1, 0); a <= Math.min(x + 1, width - 1); a++) {
            if (mask[row + a] !== 1) continue;
            mask[row + a] = 2;
            queue[end++] = row + a;
          }
        }
      }
    }
    visit(queue, from, end);
  }
  return mask;
}

// The lesions of BraTS 2023, as lesion_matching.py has them: parts of the truth whose dilations
// (18 neighbours) join are one. From the first slice to the last, each one's slice of largest
// area, the lowest of equals, and its middle there.
export function lesionsOf(volume) {
  const { flags, height, width } = volume;
  const lesions = [];
  forComponents(volume, dilated(volume), (queue, from, to) => {
    const areas = new Map();
    let voxels = 0;
    for (let i = from; i < to; i++) {
      if (!(flags[queue[i]] & TRUTH)) continue;
      voxels++;
      const k = Math.floor(queue[i] / (height * width));
      const slice = areas.get(k) ?? { size: 0, rows: 0, columns: 0 };
      slice.size++;
      slice.rows += Math.floor(queue[i] / width) % height;
      slice.columns += queue[i] % width;
      areas.set(k, slice);
    }
    const [k, slice] = [...areas].reduce(largerOf);
    lesions.push({ voxels,
      at: [k, Math.round(slice.rows / slice.size), Math.round(slice.columns / slice.size)] });
  });
  return lesions.sort((a, b) => a.at[0] - b.at[0] || b.voxels - a.voxels);
}

function largerOf(slice, other) {
  const more = other[1].size - slice[1].size || slice[0] - other[0];
  return more > 0 ? other : slice;
}

const BY = [-1, 0, 1];
// A voxel itself and its 18 neighbours: those that share a face or an edge.
const WITHIN_EDGE = BY.flatMap((k) => BY.flatMap((y) => BY.map((x) => [k, y, x])))
  .filter(([k, y, x]) => !(k && y && x));

// The truth and its neighbours, in ascending order.
function dilated({ flags, slices, height, width }) {
  const grown = new Set();
  for (let i = 0; i < flags.length; i++) {
    if (!(flags[i] & TRUTH)) continue;
    const [k, row, column] = [Math.floor(i / (height * width)), Math.floor(i / width) % height,
      i % width];
    for (const [dk, dy, dx] of WITHIN_EDGE) {
      const [c, b, a] = [k + dk, row + dy, column + dx];
      if (c < 0 || b < 0 || a < 0 || c === slices || b === height || a === width) continue;
      grown.add((c * height + b) * width + a);
    }
  }
  return Int32Array.from(grown).sort();
}
