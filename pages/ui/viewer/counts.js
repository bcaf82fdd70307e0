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

function sliceCounts(volume, table, k, threshold) {
  const predicted = table.all[k * BINS + threshold];
  const tp = table.lesion[k * BINS + threshold];
  return { tp, fp: predicted - tp, fn: volume.lesion[k] - tp };
}

function volumeCounts(volume, table, threshold) {
  const sum = { tp: 0, fp: 0, fn: 0 };
  for (let k = 0; k < volume.slices; k++) {
    const one = sliceCounts(volume, table, k, threshold);
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

function oracleThreshold(volume, table) {
  let best = { threshold: 0, dice: -1 };
  for (let t = 0; t < 256; t++) {
    const value = dice(volumeCounts(volume, table, t), "nan");
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
