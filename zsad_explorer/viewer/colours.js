// Colours of labels and areas, and the perceptually even colour maps of the anomaly map; those of
// the classes come from Python.

export const TRUTH_COLOUR = "#E6B422";
const LABEL_COLOURS = ["#D55E00", "#F0E442", "#56B4E9", "#CC79A7", "#009E73", "#E69F00"];
export const DIVERGING = ["#2166ac", "#67a9cf", "#d1e5f0", "#f7f7f7", "#fddbc7", "#ef8a62", "#b2182b"];
export const COLOUR_MAPS = {
  inferno: ["#000004", "#1b0c41", "#4a0c6b", "#781c6d", "#a52c60", "#cf4446", "#ed6925", "#fb9b06",
    "#f7d13d", "#fcffa4"],
  magma: ["#000004", "#180f3d", "#440f76", "#721f81", "#9e2f7f", "#cd4071", "#f1605d", "#fd9668",
    "#feca8d", "#fcfdbf"],
  viridis: ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58",
    "#b5de2b", "#fde725"],
  cividis: ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369",
    "#e1cc55", "#fee838"],
  grey: ["#000000", "#ffffff"],
};

export function rgb(hex) {
  const n = parseInt(hex.slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}

// What Python says of a palette's classes: { tp, fp, fn, only }, each with its colour, its label and
// its cue: "fill", "hatch", or "line" for an outline alone.
export function classesOf({ palettes }, name) {
  const [, classes] = palettes.find(([palette]) => palette === name);
  return Object.fromEntries(classes.map(([kind, colour, cue, label]) =>
    [kind, { colour, cue, label }]));
}

export const labelColour = (label) => LABEL_COLOURS[(label - 1) % LABEL_COLOURS.length];

const colourTables = new Map();
// 256 colours of three bytes each.
export function colourTable(name) {
  if (!colourTables.has(name)) {
    const stops = (name === "diverging" ? DIVERGING : COLOUR_MAPS[name]).map(rgb);
    const table = new Uint8Array(768);
    for (let v = 0; v < 256; v++) {
      const at = (v / 255) * (stops.length - 1);
      const i = Math.min(Math.floor(at), stops.length - 2);
      for (let c = 0; c < 3; c++) {
        table[3 * v + c] = Math.round(stops[i][c] + (at - i) * (stops[i + 1][c] - stops[i][c]));
      }
    }
    colourTables.set(name, table);
  }
  return colourTables.get(name);
}
