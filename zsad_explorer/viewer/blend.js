// The layers that colour pixels, blended into a picture's `pixels` from its gathered arrays.

import { colourTable, labelColour, rgb } from "./colours.js";
import { BRAIN, LABEL_SHIFT } from "./flags.js";
import { FN, IN_PREDICTED, IN_TRUTH } from "./classes.js";

export function blendLayers(picture, { volume, levels, shares }, settings) {
  const { layers } = settings;
  if (layers.map.on && levels) blendMap(picture, shares, settings);
  if (layers.labels.on && volume.hasTruth) blendLabels(picture, layers.labels.opacity);
  if (layers.predicted.on && levels) blendPredicted(picture, volume, settings);
  if (layers.classes.on && levels) blendClasses(picture, volume, settings);
}

function blend(data, i, red, green, blue, opacity) {
  const j = 4 * i;
  data[j] += opacity * (red - data[j]);
  data[j + 1] += opacity * (green - data[j + 1]);
  data[j + 2] += opacity * (blue - data[j + 2]);
}

// Weak evidence is more transparent; the scale is the declared range, never the slice's own. A
// level looks like the least value that it stands for.
function blendMap({ pixels: { data }, levels, flags }, shares, { layers, colourMap, brainOnly }) {
  const { opacity } = layers.map;
  const table = new Uint8Array(768);
  shares.forEach((share, level) => {
    const v = 3 * Math.round(255 * share);
    table.set(colourTable(colourMap).subarray(v, v + 3), 3 * level);
  });
  const strengths = shares.map((share) => opacity * Math.min(1, 0.2 + 1.6 * share));
  for (let i = 0, j = 0; i < levels.length; i++, j += 4) {
    if (brainOnly && !(flags[i] & BRAIN)) continue;
    const v = 3 * levels[i];
    const added = strengths[levels[i]];
    const grey = 1 - added;
    data[j] = grey * data[j] + added * table[v];
    data[j + 1] = grey * data[j + 1] + added * table[v + 1];
    data[j + 2] = grey * data[j + 2] + added * table[v + 2];
  }
}

// First map minus second, each as a share of its own range; unpainted where they agree.
export function blendDifference(picture, { item, minus }, { layers: { map: { opacity } }, brainOnly }) {
  const { pixels, levels, other, flags } = picture;
  const table = colourTable("diverging");
  for (let i = 0; i < levels.length; i++) {
    if (brainOnly && !(flags[i] & BRAIN)) continue;
    const difference = item.shares[levels[i]] - minus.shares[other[i]];
    const v = 3 * Math.round(127.5 * (1 + difference));
    const strength = Math.max(opacity, 0.3) * Math.min(1, 5.3 * Math.abs(difference));
    blend(pixels.data, i, table[v], table[v + 1], table[v + 2], strength);
  }
}

function blendLabels({ pixels, flags }, opacity) {
  const colours = Array.from({ length: 64 },
    (_, label) => (label ? rgb(labelColour(label)) : null));
  for (let i = 0; i < flags.length; i++) {
    const colour = colours[flags[i] >> LABEL_SHIFT];
    if (colour) blend(pixels.data, i, ...colour, opacity);
  }
}

function blendPredicted({ pixels, classes }, volume, { layers, colours }) {
  const strength = layers.predicted.opacity * 0.4;
  const fill = rgb(volume.hasTruth ? colours.fp.colour : colours.only.colour);
  for (let i = 0; i < classes.length; i++) {
    if (IN_PREDICTED[classes[i]]) blend(pixels.data, i, ...fill, strength);
  }
}

// A class whose cue is the outline is left free.
function blendClasses({ pixels, classes }, volume, { layers: { classes: { opacity } }, colours }) {
  const { tp, fp, fn, only } = colours;
  const fills = [null, tp, volume.hasTruth ? fp : only, fn].map((entry) =>
    (entry && entry.cue !== "line"
      ? { colour: rgb(entry.colour), hatched: entry.cue === "hatch" } : null));
  for (let i = 0; i < classes.length; i++) {
    const fill = fills[classes[i]];
    if (!fill) continue;
    const strength = fill.hatched ? hatch(i, pixels.width, opacity) : opacity;
    blend(pixels.data, i, ...fill.colour, strength);
  }
}

function hatch(i, width, opacity) {
  const column = i % width;
  const row = (i - column) / width;
  return (column + row) % 4 < 2 ? Math.min(1, opacity * 1.5) : opacity * 0.25;
}

// A ring round each part of the truth that no prediction touches, as overlay.py draws it. Returns
// how many parts that is.
export function blendRings({ pixels: { width, height, data }, classes }, [near, far]) {
  const parts = missedParts(classes, width, height);
  if (!parts.length) return 0;
  const squares = new Float32Array(classes.length).fill(Infinity); // of the way to the nearest part
  for (const i of parts.flat()) {
    forNear(i, Math.floor(far), width, height, (j, dy, dx) => {
      squares[j] = Math.min(squares[j], dy * dy + dx * dx);
    });
  }
  squares.forEach((square, i) => {
    if (square >= near * near && square < far * far) blend(data, i, 255, 255, 255, 1);
  });
  return parts.length;
}

// Pixels of each 8-connected part of the truth in which every pixel is missed.
function missedParts(classes, width, height) {
  const seen = new Uint8Array(classes.length);
  const parts = [];
  const add = (part, i) => {
    if (seen[i] || !IN_TRUTH[classes[i]]) return;
    seen[i] = 1;
    part.push(i);
  };
  for (let start = 0; start < classes.length; start++) {
    const part = [];
    add(part, start);
    for (const i of part) forNear(i, 1, width, height, (j) => add(part, j)); // it grows meanwhile
    if (part.length && part.every((i) => classes[i] === FN)) parts.push(part);
  }
  return parts;
}

// Calls use(index, rows away, columns away) for the pixels of a square round a pixel.
function forNear(i, reach, width, height, use) {
  const [row, column] = [Math.floor(i / width), i % width];
  for (let y = Math.max(0, row - reach); y <= Math.min(height - 1, row + reach); y++) {
    for (let x = Math.max(0, column - reach); x <= Math.min(width - 1, column + reach); x++) {
      use(y * width + x, y - row, x - column);
    }
  }
}
