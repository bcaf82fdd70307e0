// The keys: what they do, and the list that `?` shows.

import { LAYERS, dim, nextPreset, toggleLayer } from "./presets.js";
import { savePicture } from "./snapshot.js";
import {
  fit, goToLesion, goToWorst, middleOf, nextPlane, reset, showAll, step, swapSides, zoomAt,
} from "./view.js";

export const KEYS = [
  ["↑ → / ↓ ←", "one slice on / back"], ["PgUp / PgDn", "ten slices"],
  ["Home / End", "first / last slice"], ["wheel", "slices of the plane under the pointer"],
  ["n / p", "next / previous lesion, joined as in BraTS 2023"],
  ["w", "worst slice, then the next worst"], ["j / k", "next / previous subject"],
  ["click, drag", "crosshair"], ["ctrl+wheel, pinch, + / −", "zoom at the pointer"],
  ["shift+drag, middle, two fingers", "pan"], ["right drag", "window (across) and level (down)"],
  ["f / z", "fit the tissue / whole field of view"], ["r", "reset view and window"],
  ["t / a", "three planes / next plane"], ["double click", "that plane large, and back"],
  ["x", "radiological / neurological"], ["c", "crosshair on / off"],
  ["1 … 6", "layers on / off"], ["m", "next layer preset"], ["hold o", "hide the layers"],
  [", / .", "opacity"], ["hold b", "the second map instead of the first"],
  ["s", "save the picture as it is seen"],
  ["v", "side by side, swipe, blink, difference"], ["?", "this list"],
];

export function pressKey(viewer, event) {
  const field = event.target instanceof HTMLInputElement;
  if (event.ctrlKey || event.metaKey || event.altKey || !viewer.volume) return;
  if (field && /^(Arrow|Page|Home|End)/.test(event.key)) return;
  const act = actionsOf(viewer)[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  act();
  event.preventDefault();
  event.stopPropagation();
}

function zoomByKey(viewer, factor) {
  const { at } = viewer.hand;
  const picture = (at && viewer.pictureAt(at)) || viewer.pictures[0];
  zoomAt(viewer, picture, at ?? middleOf(picture), factor);
}

function actionsOf(viewer) {
  const { state } = viewer;
  const plane = viewer.plane(state.plane);
  const by = (count) => () => step(viewer, plane, count);
  const zoom = (factor) => () => zoomByKey(viewer, factor);
  const layers = Object.fromEntries(LAYERS.map(([name], i) =>
    [String(i + 1), () => toggleLayer(viewer, name)]));
  return {
    ...layers,
    ArrowUp: by(1), ArrowRight: by(1), ArrowDown: by(-1), ArrowLeft: by(-1),
    PageUp: by(10), PageDown: by(-10), Home: by(-Infinity), End: by(Infinity),
    "+": zoom(1.25), "=": zoom(1.25), "-": zoom(0.8),
    f: () => fit(viewer), z: () => showAll(viewer), r: () => reset(viewer),
    j: () => viewer.turnSubject(1), k: () => viewer.turnSubject(-1),
    n: () => goToLesion(viewer, 1), p: () => goToLesion(viewer, -1), w: () => goToWorst(viewer),
    t: () => viewer.set({ layout: state.layout === "one" ? "three" : "one" }),
    a: () => nextPlane(viewer), x: () => swapSides(viewer),
    c: () => viewer.set({ crosshair: !viewer.crosshair() }), m: () => nextPreset(viewer),
    o: () => viewer.hold({ hidden: true }), b: () => viewer.hold({ swapped: true }),
    ",": () => dim(viewer, -0.1), ".": () => dim(viewer, 0.1), v: () => viewer.nextCompare(),
    s: () => savePicture(viewer), "?": () => viewer.toggleHelp(),
    Escape: viewer.help.hidden ? null : () => viewer.toggleHelp(),
  };
}
