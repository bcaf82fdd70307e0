// The layers that colour pixels, blended into a picture's `pixels` from its gathered arrays.

function blendLayers(picture, { volume, levels }, settings) {
  const { layers } = settings;
  if (layers.map.on && levels) blendMap(picture, settings);
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

// Weak evidence is more transparent; the scale is the declared range, never the slice's own.
function blendMap({ pixels: { data }, levels, flags }, { layers, colourMap, brainOnly }) {
  const { opacity } = layers.map;
  const table = colourTable(colourMap);
  const strengths = Float32Array.from({ length: 256 },
    (_, level) => opacity * Math.min(1, 0.2 + level / 160));
  for (let i = 0, j = 0; i < levels.length; i++, j += 4) {
    if (brainOnly && !(flags[i] & BRAIN)) continue;
    const v = 3 * levels[i];
    const added = strengths[levels[i]];
    const kept = 1 - added;
    data[j] = kept * data[j] + added * table[v];
    data[j + 1] = kept * data[j + 1] + added * table[v + 1];
    data[j + 2] = kept * data[j + 2] + added * table[v + 2];
  }
}

// First map minus second, each as a share of its own range; unpainted where they agree.
function blendDifference(picture, { layers: { map: { opacity } }, brainOnly }) {
  const { pixels, levels, other, flags } = picture;
  const table = colourTable("diverging");
  for (let i = 0; i < levels.length; i++) {
    if (brainOnly && !(flags[i] & BRAIN)) continue;
    const difference = levels[i] - other[i];
    const v = 3 * within(Math.round(127.5 + difference / 2), 0, 255);
    const strength = Math.max(opacity, 0.3) * Math.min(1, Math.abs(difference) / 48);
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

function blendPredicted({ pixels, classes }, volume, { layers, palette }) {
  const strength = layers.predicted.opacity * 0.4;
  const fill = rgb(volume.hasTruth ? PALETTES[palette].fp : PALETTES[palette].only);
  for (let i = 0; i < classes.length; i++) {
    if (IN_PREDICTED[classes[i]]) blend(pixels.data, i, ...fill, strength);
  }
}

// In the colour-blind-safe set false alarms are hatched and what was missed is only outlined.
function blendClasses({ pixels, classes }, volume, { layers: { classes: { opacity } }, palette }) {
  const colours = PALETTES[palette];
  const fills = [null, rgb(colours.tp), rgb(volume.hasTruth ? colours.fp : colours.only),
    rgb(colours.fn)];
  for (let i = 0; i < classes.length; i++) {
    const kind = classes[i];
    if (!kind || (colours.cue && kind === FN)) continue;
    const hatched = colours.cue && kind === FP && volume.hasTruth;
    blend(pixels.data, i, ...fills[kind], hatched ? hatch(i, pixels.width, opacity) : opacity);
  }
}

function hatch(i, width, opacity) {
  const column = i % width;
  const row = (i - column) / width;
  return (column + row) % 4 < 2 ? Math.min(1, opacity * 1.5) : opacity * 0.25;
}
