// What a hand does to the view: where it stands, zoom, window, sides. Each takes the viewer, whose
// `set` draws and reports.

import { lesionsOf } from "./components.js";
import { greyAt, worstSlices } from "./counts.js";
import { within } from "./elements.js";
import { PLANES, placed } from "./planes.js";

const ZOOMS = [0.5, 40];

export function moveCross(viewer, axis, voxel) {
  viewer.set({ cross: viewer.state.cross.with(axis, voxel) });
}

export function step(viewer, { normal }, count) {
  const voxel = viewer.state.cross[normal.axis] + (normal.reversed ? -count : count);
  moveCross(viewer, normal.axis, within(voxel, 0, normal.count - 1));
}

export function pointAt(viewer, picture, point) {
  const { rows, columns } = picture.view.plane;
  const at = picture.position(...point).map(Math.floor);
  const cross = [...viewer.state.cross];
  for (const { axis } of [rows, columns]) cross[axis] = at[axis];
  viewer.set({ cross });
}

export const middleOf = ({ box }) => [box.x + box.width / 2, box.y + box.height / 2];

export function pan(viewer, picture, dx, dy) {
  const [x, y] = middleOf(picture);
  recentre(viewer, picture, [x - dx, y - dy], viewer.state.zoom);
}

// What lies at the point stays there.
export function zoomAt(viewer, picture, point, factor) {
  const zoom = within(viewer.state.zoom * factor, ...ZOOMS);
  const share = 1 - viewer.state.zoom / zoom;
  recentre(viewer, picture, middleOf(picture).map((at, i) => at + (point[i] - at) * share), zoom);
}

// Puts what lies at a point of the picture into the middle of its box.
function recentre(viewer, picture, point, zoom) {
  const { rows, columns } = picture.view.plane;
  const at = picture.position(...point);
  const centre = [...viewer.state.centre];
  for (const { axis } of [rows, columns]) centre[axis] = at[axis];
  viewer.set({ centre, zoom, frame: null });
  picture.rect = placed(picture.view.plane, picture.box, zoom, viewer.state.centre);
}

// Zoom and centre where `frame` names what fills the pictures: the "brain" or the "whole" field of
// view. After a zoom or pan by hand it names nothing.
export function frame({ state, volume }, shown) {
  if (!state.frame) return;
  const brain = state.frame === "brain";
  const [low, high] = brain ? volume.bounds : [[0, 0, 0], volume.shape];
  const zooms = shown.map(({ box, plane: { rows, columns } }) => {
    const fits = (wide, tall) => Math.min(box.width / wide, box.height / tall);
    const size = ({ axis, mm }) => (high[axis] - low[axis]) * mm;
    const whole = ({ count, mm }) => count * mm;
    return fits(size(columns), size(rows)) / fits(whole(columns), whole(rows));
  });
  state.zoom = (brain ? 0.96 : 1) * Math.min(...zooms);
  state.centre = low.map((edge, axis) => (edge + high[axis]) / 2);
}

export function fit(viewer) {
  viewer.set({ frame: "brain" });
}

export function showAll(viewer) {
  viewer.set({ frame: "whole" });
}

export function reset(viewer) {
  viewer.set({ frame: "brain", low: 0, high: 255 });
}

// [low, high] in grey levels of a preset.
export function windowOf({ volume }, name) {
  if (name === "brain" || !volume) return [0, 255];
  return name === "bright" ? [0, 150] : [greyAt(volume, 0.05), greyAt(volume, 0.95)];
}

export function setWindow(viewer, name) {
  const [low, high] = windowOf(viewer, name);
  viewer.set({ low, high });
}

export function swapSides(viewer) {
  const { convention } = viewer.state;
  viewer.set({ convention: convention === "radiological" ? "neurological" : "radiological" });
}

export function nextOf(names, name) {
  return names[(names.indexOf(name) + 1) % names.length];
}

export function nextPlane(viewer) {
  viewer.set({ plane: nextOf(Object.keys(PLANES), viewer.state.plane) });
}

// The next or last lesion from where the crosshair stands.
export function goToLesion(viewer, way) {
  const { volume, state } = viewer;
  if (!volume.hasTruth) return;
  const lesions = (volume.lesions ??= lesionsOf(volume));
  if (!lesions.length) return;
  const current = lesions.findIndex(({ at }) => String(at) === String(state.cross));
  const k = state.cross[0];
  const beyond = way > 0 ? lesions.findIndex(({ at }) => at[0] > k)
    : lesions.findLastIndex(({ at }) => at[0] < k);
  const next = current >= 0 ? current + way : beyond >= 0 ? beyond : way > 0 ? 0 : -1;
  viewer.set({ cross: lesions[(next + lesions.length) % lesions.length].at });
}

// The worst slice; pressed again there, the next worst.
export function goToWorst(viewer) {
  const { volume, state, items, data } = viewer;
  if (!items[0]?.counts || !volume.hasTruth) return;
  const order = worstSlices(volume, items[0].counts, data.emptyDice);
  if (!order.length) return;
  viewer.worst = state.cross[0] === viewer.worst ? nextOf(order, viewer.worst) : order[0];
  moveCross(viewer, 0, viewer.worst);
}
