// What hangs together in a mask, and how far the brain reaches.

// The mask without 26-connected components of fewer than `smallest` voxels, as scoring.py has it.
function withoutSmall(volume, levels, threshold, brainOnly, smallest) {
  const { flags } = volume;
  const mask = new Uint8Array(levels.length);
  for (let i = 0; i < mask.length; i++) {
    if (levels[i] >= threshold && (!brainOnly || flags[i] & BRAIN)) mask[i] = 1;
  }
  forComponents(volume, mask, (queue, size) => {
    if (size < smallest) for (let i = 0; i < size; i++) mask[queue[i]] = 0;
  });
  return mask;
}

// Calls found(voxels, size) for each 26-connected component of a mask of ones, left at 2.
function forComponents({ slices, height, width }, mask, found) {
  let todo = 0;
  for (let i = 0; i < mask.length; i++) todo += mask[i];
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
    found(queue, size);
  }
}

// The lesions from the first slice to the last: each one's slice of largest area, and its middle.
function lesionsOf(volume) {
  const mask = volume.flags.map((flag) => (flag & TRUTH) >> 1);
  const lesions = [];
  forComponents(volume, mask, (queue, size) => {
    const areas = new Map();
    for (let i = 0; i < size; i++) {
      const k = Math.floor(queue[i] / (volume.height * volume.width));
      const slice = areas.get(k) ?? { size: 0, rows: 0, columns: 0 };
      slice.size++;
      slice.rows += Math.floor(queue[i] / volume.width) % volume.height;
      slice.columns += queue[i] % volume.width;
      areas.set(k, slice);
    }
    const [k, slice] = [...areas].reduce((best, each) =>
      (each[1].size > best[1].size ? each : best));
    lesions.push({ voxels: size,
      at: [k, Math.round(slice.rows / slice.size), Math.round(slice.columns / slice.size)] });
  });
  return lesions.sort((a, b) => a.at[0] - b.at[0] || b.voxels - a.voxels);
}

// The brain's first and last edge along each axis of the stack.
function brainBounds({ shape, flags }) {
  const [, height, width] = shape;
  const low = [...shape];
  const high = [0, 0, 0];
  for (let i = 0; i < flags.length; i++) {
    if (!(flags[i] & BRAIN)) continue;
    const at = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
    for (let axis = 0; axis < 3; axis++) {
      if (at[axis] < low[axis]) low[axis] = at[axis];
      if (at[axis] >= high[axis]) high[axis] = at[axis] + 1;
    }
  }
  return high[0] ? [low, high] : [[0, 0, 0], [...shape]];
}
