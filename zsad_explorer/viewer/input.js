// Gestures on the picture and the strip; each ends in a change of the viewer's state.

import { within } from "./elements.js";
import { pressKey } from "./keys.js";
import { indexAt } from "./profile.js";
import { moveCross, pan, pointAt, step, zoomAt } from "./view.js";

export class Hand {
  constructor(viewer) {
    this.viewer = viewer;
    this.pointers = new Map();
    this.drag = null;
    this.wheelRest = 0;
    this.at = null; // the pointer on the canvas, in its pixels
    this.listen();
  }

  listen() {
    const { viewer } = this;
    const { canvas, root, stage, slider } = viewer;
    slider.addEventListener("input", () => moveCross(viewer, 0, Number(slider.value)));
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => this.up(event));
    }
    canvas.addEventListener("pointerleave", () => {
      this.at = null;
      viewer.schedule();
    });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("dblclick", (event) => this.maximise(this.point(event)));
    this.listenStrip();
    root.addEventListener("keydown", (event) => pressKey(viewer, event));
    root.addEventListener("keyup", (event) => {
      const key = event.key.toLowerCase();
      if (key === "o") viewer.hold({ hidden: false });
      if (key === "b") viewer.hold({ swapped: false });
    });
    root.addEventListener("pointerleave", () => viewer.reportNow());
    root.addEventListener("focusout", () => viewer.hold({ hidden: false, swapped: false }));
  }

  listenStrip() {
    const { viewer } = this;
    const { strip } = viewer;
    const at = (event) => {
      const box = strip.getBoundingClientRect();
      return indexAt(event.clientX - box.left, viewer.volume?.slices ?? 1, box.width);
    };
    strip.addEventListener("pointerdown", (event) => {
      strip.setPointerCapture(event.pointerId);
      viewer.root.focus({ preventScroll: true });
      moveCross(viewer, 0, at(event));
    });
    strip.addEventListener("pointermove", (event) => {
      viewer.hover = at(event);
      if (event.buttons & 1) moveCross(viewer, 0, viewer.hover);
      else viewer.schedule();
    });
    strip.addEventListener("pointerleave", () => {
      viewer.hover = null;
      viewer.schedule();
    });
  }

  point(event) {
    const { canvas } = this.viewer;
    const box = canvas.getBoundingClientRect();
    const scale = canvas.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  down(event) {
    const { viewer } = this;
    viewer.root.focus({ preventScroll: true });
    if (!viewer.volume) return;
    event.preventDefault();
    const point = this.point(event);
    viewer.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, point);
    const picture = viewer.pictureAt(point);
    if (!picture) return;
    viewer.state.plane = picture.view.plane.name;
    const { low, high } = viewer.state;
    this.drag = { kind: this.kindOf(event), picture, start: point, last: point, low, high };
    this.follow(point);
  }

  kindOf(event) {
    if (this.pointers.size > 1) return "pinch";
    if (event.button === 2) return "window";
    if (event.button === 1 || event.shiftKey) return "pan";
    return this.viewer.state.tool;
  }

  move(event) {
    const point = (this.at = this.point(event));
    const before = this.pointers.get(event.pointerId);
    if (before && this.drag?.kind === "pinch") this.pinch(event.pointerId, before, point);
    if (before) this.pointers.set(event.pointerId, point);
    if (this.drag && this.drag.kind !== "pinch") this.follow(point);
    this.viewer.schedule();
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    if (!this.pointers.size) this.drag = null;
  }

  follow(point) {
    const { viewer, drag } = this;
    const [dx, dy] = [point[0] - drag.last[0], point[1] - drag.last[1]];
    drag.last = point;
    if (drag.kind === "pan") pan(viewer, drag.picture, dx, dy);
    else if (drag.kind === "window") this.windowBy(point);
    else if (viewer.swiping()) viewer.swipeTo(drag.picture, point[0]);
    else pointAt(viewer, drag.picture, point);
  }

  // Across: a wider window; down: a brighter picture (a lower level).
  windowBy(point) {
    const { drag, viewer } = this;
    const perPixel = 255 / (viewer.canvas.width * 0.5);
    const width = drag.high - drag.low + (point[0] - drag.start[0]) * perPixel;
    const middle = (drag.high + drag.low) / 2 + (drag.start[1] - point[1]) * perPixel;
    const half = within(width, 2, 510) / 2;
    viewer.set({ low: Math.round(middle - half), high: Math.round(middle + half) });
  }

  pinch(id, before, point) {
    const other = [...this.pointers].find(([key]) => key !== id)?.[1];
    if (!other) return;
    const span = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
    const middle = [(point[0] + other[0]) / 2, (point[1] + other[1]) / 2];
    const { viewer, drag } = this;
    pan(viewer, drag.picture, (point[0] - before[0]) / 2, (point[1] - before[1]) / 2);
    zoomAt(viewer, drag.picture, middle, span(point, other) / Math.max(1, span(before, other)));
  }

  maximise(point) {
    const { viewer } = this;
    const picture = viewer.pictureAt(point);
    if (!picture) return;
    const layout = viewer.state.layout === "one" ? "three" : "one";
    viewer.set({ layout, plane: picture.view.plane.name });
  }

  wheel(event) {
    const { viewer } = this;
    if (!viewer.volume || viewer.help.contains(event.target)) return;
    event.preventDefault();
    const point = this.point(event);
    const picture = viewer.pictureAt(point) ?? viewer.pictures[0];
    const lines = event.deltaMode === 1 ? 40 : 1;
    if (event.ctrlKey || event.metaKey) {
      zoomAt(viewer, picture, point, Math.exp(-within(event.deltaY * lines, -100, 100) / 300));
      return;
    }
    this.wheelRest += (event.deltaY || event.deltaX) * lines;
    const notch = Math.abs(event.deltaY) * lines >= 40 ? Math.sign(this.wheelRest)
      : Math.trunc(this.wheelRest / 40);
    if (!notch) return;
    this.wheelRest = 0;
    step(viewer, picture.view.plane, -notch);
  }
}
