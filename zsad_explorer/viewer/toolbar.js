// The row above the picture: planes, what a drag does, window, convention, view; and comparisons.

import { MARKS, button, choiceOf, element, press } from "./elements.js";
import { COMPARES } from "./layout.js";
import { savePicture } from "./snapshot.js";
import { fit, reset, setWindow, showAll, swapSides, windowOf } from "./view.js";

const WINDOWS = [
  ["brain", "Tissue", "0.1 to 99.9 % of the tissue's intensities: what the method sees"],
  ["bright", "Bright", "the lower part of the range, for dim tissue"],
  ["contrast", "Contrast", "5 to 95 % of the tissue's intensities"],
];
const OTHERS = [
  ["same", "Others at the same share",
    "each at the threshold of the first as a share of the map's own range: 0.5 of 1 is 2 of 4"],
  ["oracle", "Others at best Dice", "each at its own oracle threshold, which uses the ground truth"],
];

export class Toolbar {
  constructor(viewer) {
    this.viewer = viewer;
    this.root = element("div", "z-toolbar");
    this.planes = choiceOf("z-planes", [["axial", "Axial"], ["coronal", "Coronal"],
      ["sagittal", "Sagittal"], ["three", "3 planes", "key t"]],
    (value) =>
      viewer.set(value === "three" ? { layout: "three" } : { layout: "one", plane: value }));
    this.tools = choiceOf("z-tools", [["point", "Point", "drag moves the crosshair"],
      ["pan", "Pan", "drag moves the picture; shift+drag always does"],
      ["window", "Window", "drag: across the width, down the level; right drag always does"]],
    (tool) => viewer.set({ tool }));
    this.windows = choiceOf("z-windows", WINDOWS, (name) => setWindow(viewer, name));
    this.sides = button("", "", () => swapSides(viewer));
    this.sides.classList.add("z-sides");
    const view = element("div", "z-buttons");
    view.append(button("Fit", "the tissue fills the picture: key f", () => fit(viewer)),
      button("Whole field", "the whole field of view: key z", () => showAll(viewer)),
      button("Reset", "view and window as at first: key r", () => reset(viewer)),
      button("Save picture", "as it is seen, with numbers and legend, as PNG: key s",
        () => savePicture(viewer)),
      button("Keys ?", "every key and gesture", () => viewer.toggleHelp()));
    this.compares = choiceOf("z-compares", COMPARES, (compare) => viewer.set({ compare }));
    this.against = element("div", "z-buttons z-against");
    this.others = choiceOf("z-others", OTHERS, (others) => viewer.set({ others }));
    this.root.append(this.planes, this.tools, this.windows, this.sides, view, this.compares,
      this.against, this.others);
  }

  draw() {
    const { state, items } = this.viewer;
    press(this.planes, state.layout === "three" ? "three" : state.plane);
    press(this.tools, state.tool);
    const at = WINDOWS.find(([name]) =>
      String(windowOf(this.viewer, name)) === String([state.low, state.high]));
    press(this.windows, at?.[0]);
    const radiological = state.convention === "radiological";
    this.sides.textContent = radiological ? "R on the left" : "L on the left";
    this.sides.title = `${state.convention} convention; key x changes it`;
    this.compares.hidden = items.length < 2;
    press(this.compares, state.compare);
    this.others.hidden = items.length < 2 || !this.viewer.volume?.lesion.some(Boolean);
    press(this.others, state.others);
    this.drawAgainst();
  }

  // With more than two maps: which one the first is compared with.
  drawAgainst() {
    const { state, items } = this.viewer;
    this.against.hidden = items.length < 3 || state.compare === "side";
    if (this.against.childElementCount !== Math.max(0, items.length - 1)) {
      this.against.replaceChildren(...items.slice(1).map((_, i) => {
        const node = button(`${MARKS[0]} with ${MARKS[i + 1]}`, "",
          () => this.viewer.set({ against: i + 1 }));
        node.dataset.value = String(i + 1);
        return node;
      }));
    }
    press(this.against, String(state.against));
  }
}
