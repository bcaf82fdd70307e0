// Exact counts on the 256-level grid: predicted = level >= threshold.

const BRAIN = 1;
const TRUTH = 2;
const BINS = 257;

function readVolume(blob) {
  const [slices, height, width] = blob.header.shape;
  const voxels = slices * height * width;
  const volume = {
    slices, height, width,
    hasTruth: blob.header.truth,
    image: blob.bytes.subarray(0, voxels),
    flags: blob.bytes.subarray(voxels, 2 * voxels),
    lesion: new Uint32Array(slices),
    brain: new Uint32Array(slices),
  };
  const area = height * width;
  for (let k = 0; k < slices; k++) {
    for (let i = k * area; i < (k + 1) * area; i++) {
      volume.brain[k] += volume.flags[i] & BRAIN;
      volume.lesion[k] += (volume.flags[i] & TRUTH) >> 1;
    }
  }
  return volume;
}

// For each slice and threshold: how many pixels reach it, in all and inside the lesion.
function tally(volume, levels, brainOnly) {
  const { slices, height, width, flags } = volume;
  const area = height * width;
  const all = new Uint32Array(slices * BINS);
  const lesion = new Uint32Array(slices * BINS);
  for (let k = 0; k < slices; k++) {
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
  return { all, lesion, brainOnly };
}

// What the mask of one map at one threshold holds in each slice, and `kept`, its voxels, where
// components under `smallest` voxels are left out (null: every voxel at or above the threshold).
function countsAt(volume, map, threshold, { brainOnly, smallest }) {
  const predicted = new Uint32Array(volume.slices);
  const tp = new Uint32Array(volume.slices);
  if (smallest <= 1) {
    for (let k = 0; k < volume.slices; k++) {
      predicted[k] = map.table.all[k * BINS + threshold];
      tp[k] = map.table.lesion[k * BINS + threshold];
    }
    return { predicted, tp, kept: null };
  }
  const kept = withoutSmall(volume, map.levels, threshold, brainOnly, smallest);
  const area = volume.height * volume.width;
  for (let i = 0; i < kept.length; i++) {
    if (!kept[i]) continue;
    const k = Math.floor(i / area);
    predicted[k]++;
    if (volume.flags[i] & TRUTH) tp[k]++;
  }
  return { predicted, tp, kept };
}

// The mask without 26-connected components of fewer than `smallest` voxels, as scoring.py has it.
function withoutSmall(volume, levels, threshold, brainOnly, smallest) {
  const { slices, height, width, flags } = volume;
  const mask = new Uint8Array(levels.length); // 1 to visit, 2 visited
  let todo = 0;
  for (let i = 0; i < mask.length; i++) {
    if (levels[i] >= threshold && (!brainOnly || flags[i] & BRAIN)) todo += mask[i] = 1;
  }
  const queue = new Int32Array(todo);
  for (let start = 0; start < mask.length; start++) {
    if (mask[start] !== 1) continue;
    let size = 1;
    queue[0] = start;
    mask[start] = 2;
    for (let head = 0; head < size; head++) {
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
            queue[size++] = row + a;
          }
        }
      }
    }
    if (size < smallest) for (let i = 0; i < size; i++) mask[queue[i]] = 0;
  }
  return mask;
}

function sliceCounts(volume, counts, k) {
  const tp = counts.tp[k];
  return { tp, fp: counts.predicted[k] - tp, fn: volume.lesion[k] - tp };
}

function volumeCounts(volume, counts) {
  const sum = { tp: 0, fp: 0, fn: 0 };
  for (let k = 0; k < volume.slices; k++) {
    const one = sliceCounts(volume, counts, k);
    sum.tp += one.tp;
    sum.fp += one.fp;
    sum.fn += one.fn;
  }
  return sum;
}

// NaN = not defined under the rule for slices without a lesion.
function dice({ tp, fp, fn }, rule) {
  if (tp + fn === 0) {
    if (rule === "lesion_only") return NaN;
    if (fp > 0) return 0;
    return rule === "both_empty_one" ? 1 : NaN;
  }
  return (2 * tp) / (2 * tp + fp + fn);
}

function oracleThreshold(volume, map, brainOnly) {
  let best = { threshold: 0, dice: -1 };
  for (let t = 0; t < 256; t++) {
    const value = dice(volumeCounts(volume, countsAt(volume, map, t, { brainOnly, smallest: 0 })), "nan");
    if (value > best.dice) best = { threshold: t, dice: value };
  }
  return best.threshold;
}

// Volume histograms for the threshold slider: healthy and lesion pixels per level.
function histograms(volume, table) {
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
