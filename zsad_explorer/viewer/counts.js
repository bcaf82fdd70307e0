// Exact counts at all 256 thresholds of a map: predicted = level >= cut.

import { withoutSmall } from "./components.js";
import { BRAIN, TRUTH } from "./flags.js";

const BINS = 257;

// A stack as it arrives: what is there of it so far, and counts of the slices that are.
export function openVolume(payload, data) {
  const [slices, height, width] = payload.header.shape;
  return {
    slices, height, width, shape: payload.header.shape, axes: data.axes, spacing: data.spacing,
    hasTruth: payload.header.truth, bounds: payload.header.brain, counted: new Set(),
    image: payload.arrays[0], flags: payload.arrays[1],
    lesion: new Uint32Array(slices), brain: new Uint32Array(slices),
    greys: new Uint32Array(256), // of the brain
  };
}

// Counts the slices of the payload not counted yet.
export function countVolume(volume, payload) {
  const area = volume.height * volume.width;
  for (const k of payload.have) {
    if (volume.counted.has(k)) continue;
    volume.counted.add(k);
    volume.lesions = null; // of the slices before
    for (let i = k * area; i < (k + 1) * area; i++) {
      const flag = volume.flags[i];
      if (!flag) continue;
      if (flag & BRAIN) {
        volume.brain[k]++;
        volume.greys[volume.image[i]]++;
      }
      if (flag & TRUTH) volume.lesion[k]++;
    }
  }
}

export function openTable(slices, brainOnly) {
  return { all: new Uint32Array(slices * BINS), lesion: new Uint32Array(slices * BINS), brainOnly,
    counted: new Set() };
}

// For each slice and threshold: how many pixels reach it, in all and inside the lesion. Returns
// whether there was anything new to count.
export function tally(volume, levels, payload, table) {
  const before = table.counted.size;
  for (const k of payload.have) {
    if (table.counted.has(k) || !volume.counted.has(k)) continue;
    table.counted.add(k);
    tallySlice(volume, levels, table, k);
  }
  return table.counted.size > before;
}

function tallySlice({ flags, height, width }, levels, { all, lesion, brainOnly }, k) {
  const area = height * width;
  const row = k * BINS;
  for (let i = k * area; i < (k + 1) * area; i++) {
    const flag = flags[i];
    if (brainOnly && !(flag & BRAIN)) continue;
    all[row + levels[i]]++;
    if (flag & TRUTH) lesion[row + levels[i]]++;
  }
  for (let t = 254; t >= 0; t--) {
    all[row + t] += all[row + t + 1];
    lesion[row + t] += lesion[row + t + 1];
  }
}

// What the mask of one map at one threshold holds in each slice, and `mask`, its voxels, where
// components under `smallest` voxels are left out (null: every voxel at or above the threshold).
export function countsAt(volume, map, cut, { brainOnly, smallest }) {
  const column = (counts) =>
    Uint32Array.from({ length: volume.slices }, (_, k) => counts[k * BINS + cut]);
  const [predicted, tp] = [column(map.table.all), column(map.table.lesion)];
  if (smallest <= 1) return { predicted, tp, mask: null };
  const readout = { cut, brainOnly, smallest, predicted };
  const { mask, dropped } = withoutSmall(volume, map.levels, readout);
  const area = volume.height * volume.width;
  for (const voxel of dropped) {
    const k = Math.floor(voxel / area);
    predicted[k]--;
    if (volume.flags[voxel] & TRUTH) tp[k]--;
  }
  return { predicted, tp, mask };
}

// Slices that have a Dice, the worst first; of equal ones that with more wrong pixels.
export function worstSlices(volume, counts, emptyDice) {
  const slices = [];
  for (let k = 0; k < volume.slices; k++) {
    const slice = sliceCounts(volume, counts, k);
    const value = dice(slice, emptyDice);
    if (!Number.isNaN(value)) slices.push({ k, value, wrong: slice.fp + slice.fn });
  }
  return slices.sort((a, b) => a.value - b.value || b.wrong - a.wrong).map(({ k }) => k);
}

// The grey level under which a part of the brain's pixels lie.
export function greyAt({ greys }, part) {
  const all = greys.reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (let v = 0; v < 256; v++) {
    below += greys[v];
    if (below >= part * all) return v;
  }
  return 255;
}

export function sliceCounts(volume, counts, k) {
  const tp = counts.tp[k];
  return { tp, fp: counts.predicted[k] - tp, fn: volume.lesion[k] - tp };
}

export function volumeCounts(volume, counts) {
  const sum = { tp: 0, fp: 0, fn: 0 };
  for (let k = 0; k < volume.slices; k++) {
    const slice = sliceCounts(volume, counts, k);
    sum.tp += slice.tp;
    sum.fp += slice.fp;
    sum.fn += slice.fn;
  }
  return sum;
}

// NaN: no Dice. Without a lesion that is what Python says of the case: something is predicted (a
// false alarm), or the mask is empty too; null is no Dice.
export function dice({ tp, fp, fn }, [alarm, empty]) {
  if (tp + fn === 0) return (fp > 0 ? alarm : empty) ?? NaN;
  return (2 * tp) / (2 * tp + fp + fn);
}

export const VOLUME_DICE = [null, null]; // a volume without lesion has none

// The lowest of the thresholds with the best Dice of the volume; null without a lesion where the
// mask may be.
export function oracleCut(volume, { all, lesion }) {
  const best = { cut: null, dice: -1 };
  const sum = (counts, cut) => {
    let total = 0;
    for (let k = 0; k < volume.slices; k++) total += counts[k * BINS + cut];
    return total;
  };
  if (sum(lesion, 0) === 0) return null;
  const truth = volume.lesion.reduce((total, count) => total + count, 0);
  for (let cut = 0; cut < 256; cut++) {
    const tp = sum(lesion, cut);
    const value = dice({ tp, fp: sum(all, cut) - tp, fn: truth - tp }, VOLUME_DICE);
    if (value > best.dice) Object.assign(best, { cut, dice: value });
  }
  return best.cut;
}

// Volume histograms for the threshold slider: healthy and lesion pixels per level.
export function histograms(volume, table) {
  const healthy = new Float64Array(256);
  const lesion = new Float64Array(256);
  for (let k = 0; k < volume.slices; k++) {
    for (let t = 0; t < 256; t++) {
      const i = k * BINS + t;
      const inside = table.lesion[i] - table.lesion[i + 1];
      lesion[t] += inside;
      healthy[t] += table.all[i] - table.all[i + 1] - inside;
    }
  }
  return { healthy, lesion };
}
