// The layers over the scan: which there are, which are on, and how strong.

import { within } from "./elements.js";

export const LAYERS = [
  ["classes", "TP / FP / FN", 0.5],
  ["outline", "Truth outline", 1],
  ["labels", "Truth by label", 0.6],
  ["predicted", "Prediction", 0.5],
  ["map", "Anomaly map", 0.6],
  ["grid", "Patch grid", 0.4],
];
// What `m` goes through.
const PRESETS = [["classes"], ["outline", "predicted"], ["map", "outline"], ["labels"], []];

export const layersOf = (names) => Object.fromEntries(LAYERS.map(([name, , opacity]) =>
  [name, { on: names.includes(name), opacity }]));

export function setLayer(viewer, name, change) {
  const { layers } = viewer.state;
  viewer.set({ layers: { ...layers, [name]: { ...layers[name], on: true, ...change } } });
}

export function toggleLayer(viewer, name) {
  setLayer(viewer, name, { on: !viewer.state.layers[name].on });
}

function changeLayers(viewer, change) {
  viewer.set({ layers: Object.fromEntries(Object.entries(viewer.state.layers).map(([name, layer]) =>
    [name, { ...layer, ...change(name, layer) }])) });
}

export function nextPreset(viewer) {
  const { layers } = viewer.state;
  const shown = Object.keys(layers).filter((name) => layers[name].on);
  const at = PRESETS.findIndex((preset) =>
    preset.length === shown.length && preset.every((name) => shown.includes(name)));
  const next = PRESETS[(at + 1) % PRESETS.length];
  changeLayers(viewer, (name) => ({ on: next.includes(name) }));
}

// Opacity of every layer that is on.
export function dim(viewer, change) {
  changeLayers(viewer, (_, { on, opacity }) =>
    (on ? { opacity: within(Math.round(10 * (opacity + change)) / 10, 0, 1) } : {}));
}
