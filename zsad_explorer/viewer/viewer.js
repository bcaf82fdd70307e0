// The viewer: its state, what Python sends and is told, and the drawing of all parts.

import { element, range, within } from "./elements.js";
import { Hand } from "./input.js";
import { KEYS } from "./keys.js";
import { countItems, isHere, isWhole, itemOf, oracleOf, volumeOf } from "./layers.js";
import { COMPARES } from "./layout.js";
import { drawDepth, drawNumbers, drawProbe } from "./numbers.js";
import { nativePlane, planeOf } from "./planes.js";
import { Present } from "./present.js";
import { layersOf } from "./presets.js";
import { registry } from "./registry.js";
import { Side } from "./sidepanel.js";
import { drawStage } from "./stage.js";
import { cutOf } from "./thresholds.js";
import { Toolbar } from "./toolbar.js";
import { nextOf } from "./view.js";

const viewers = new WeakMap();
const REPORT_AFTER_MS = 250;
const BLINK_MS = 700;
const NO_MAP = { hash: "", volume: "", title: "", high: 1, thresholds: [0], grid: 0,
  whole: true };
const SLIM = 640; // px of width under which the column stands below the picture

class Viewer {
  constructor(parent) {
    this.parent = parent;
    this.state = {
      cross: null, plane: null, layout: "one", frame: "brain", zoom: 1, centre: null,
      low: 0, high: 255,
      convention: "radiological", tool: "point", crosshair: null,
      threshold: null, cut: 0, // the value that is asked for, and where it stands in the first map's grid
      layers: layersOf(["classes"]), palette: "classic", colourMap: "inferno",
      compare: "side", against: 1, swipe: 0.5, others: "same",
    };
    this.seen = { sequence: null, look: null };
    this.held = { hidden: false, swapped: false };
    this.recall();
    this.blinking = false;
    this.hover = null;
    this.data = null;
    this.volume = null;
    this.items = [];
    this.pictures = [];
    this.build();
    this.hand = new Hand(this);
    this.onPayload = () => this.gather();
    registry.listeners.add(this.onPayload);
    this.observer = new ResizeObserver(() => this.schedule());
    this.observer.observe(this.root);
    this.blinker = setInterval(() => this.blink(), BLINK_MS);
  }

  build() {
    const root = (this.root = element("div", "z-root"));
    root.tabIndex = 0;
    root.setAttribute("role", "application");
    root.setAttribute("aria-label", "Slice viewer. Press ? for the keys.");
    this.header = element("div", "z-header");
    this.stage = element("div", "z-stage");
    this.canvas = element("canvas", "z-canvas");
    this.message = element("div", "z-message");
    this.help = this.buildHelp();
    this.stage.append(this.canvas, this.message, this.help);
    this.probe = element("div", "z-probe");
    this.strip = element("canvas", "z-strip");
    this.strip.setAttribute("role", "img");
    this.strip.setAttribute("aria-label", "Dice and areas per slice; click to go to a slice");
    this.slider = range("slice", "Slice", 1);
    const depth = element("div", "z-depth");
    depth.append(this.strip, this.slider);
    this.present = new Present(this);
    this.toolbar = new Toolbar(this);
    this.side = new Side(this);
    this.live = element("div", "z-live");
    this.live.setAttribute("aria-live", "polite");
    root.append(this.present.head, this.header, this.toolbar.root, this.side.root, this.stage,
      this.probe, depth, this.present.foot, this.live);
    this.side.root.prepend(this.present.note);
  }

  buildHelp() {
    const box = element("div", "z-help");
    box.hidden = true;
    for (const [keys, what] of KEYS) {
      box.append(element("kbd", "", keys), element("span", "", what));
    }
    return box;
  }

  // ---- changes of the state

  // A gesture of the user: changes the state, draws, and tells Python once the hand rests.
  set(change) {
    Object.assign(this.state, change);
    this.clamp();
    if (this.data?.case) return this.schedule(); // what is done while presenting, nobody is told
    const { cross, threshold, cut, ...look } = this.state;
    registry.last = { look, given: this.seen.look, shape: this.shape };
    this.schedule();
    clearTimeout(this.reporting);
    this.reporting = setTimeout(() => this.report(), REPORT_AFTER_MS);
  }

  // A viewer that is built anew, as on the way back from another page, looks as the last one did.
  recall() {
    if (!registry.last) return;
    Object.assign(this.state, registry.last.look);
    this.seen.look = registry.last.given;
    this.shape = registry.last.shape;
  }

  clamp() {
    const { state, volume } = this;
    if (!volume) return;
    state.cross = state.cross.map((voxel, axis) => within(voxel, 0, volume.shape[axis] - 1));
    state.centre = state.centre.map((edge, axis) => within(edge, 0, volume.shape[axis]));
    state.against = within(state.against, 1, Math.max(1, this.items.length - 1));
  }

  setCut(cut) {
    this.set({ cut, threshold: this.items[0].thresholds[cut] });
  }

  takeOracle() {
    const cut = oracleOf(this.items[0]);
    if (cut !== null) this.setCut(cut);
  }

  crosshair() {
    return this.state.crosshair ?? this.state.layout === "three";
  }

  comparing() {
    return this.items.length > 1;
  }

  nextCompare() {
    const names = COMPARES.map(([name]) => name);
    if (this.comparing()) this.set({ compare: nextOf(names, this.state.compare) });
  }

  swiping() {
    return this.state.compare === "swipe" && this.comparing();
  }

  swipeTo({ box }, x) {
    this.set({ swipe: within((x - box.x) / box.width, 0.02, 0.98) });
  }

  blink() {
    if (this.state.compare !== "blink" || !this.comparing()) return;
    this.blinking = !this.blinking;
    this.schedule();
  }

  hold(change) {
    if (Object.keys(change).every((name) => this.held[name] === change[name])) return;
    Object.assign(this.held, change);
    this.schedule();
  }

  turnSubject(by) {
    this.reportNow();
    this.trigger("go", by);
  }

  toggleHelp() {
    this.help.hidden = !this.help.hidden;
    this.schedule();
  }

  plane(name) {
    return planeOf(this.volume, name, this.state.convention);
  }

  pictureAt([x, y]) {
    return this.pictures.find((picture) => picture.holds(x, y));
  }

  view() {
    const { cross, threshold, cut } = this.state;
    const [item] = this.items;
    return { slice: cross?.[0], threshold: item?.hash ? item.thresholds[cut] : threshold,
      sequence: this.data.sequence };
  }

  // Tells Python where the hand came to rest, unless it knows.
  report() {
    clearTimeout(this.reporting);
    this.reporting = null;
    const text = JSON.stringify(this.view());
    if (!this.state.cross || text === this.reported) return;
    this.reported = text;
    this.state.threshold = this.view().threshold;
    this.tell("view", this.view());
  }

  // Before a click elsewhere: a report that came after it would call the page back.
  reportNow() {
    if (this.reporting) this.report();
  }

  // ---- what Python sends

  update({ data, setStateValue, setTriggerValue }) {
    clearTimeout(this.leaving);
    Object.assign(this, { tell: setStateValue, trigger: setTriggerValue });
    this.data = data;
    this.present.take(data.case, setTriggerValue);
    if (!this.root.isConnected || !this.parent.contains(this.root)) this.parent.append(this.root);
    this.root.style.setProperty("--z-height", `${data.height}px`);
    this.takeLook(data);
    this.gather();
  }

  // Only what Python changed: the rest of the look stays the hand's.
  takeLook({ layers, palette, colourMap }) {
    const given = { layers, palette, colourMap };
    const differs = (name) => String(given[name]) !== String(this.seen.look?.[name]);
    if (differs("layers")) this.state.layers = layersOf(layers);
    for (const name of ["palette", "colourMap"]) {
      if (differs(name)) this.state[name] = given[name];
    }
    this.seen.look = given;
  }

  // Take what is there of the wanted payloads; missing ones arrive by a listener.
  gather() {
    const { data, state } = this;
    if (!data) return;
    const volume = volumeOf(data.volume, [this.volume], data);
    if (volume !== this.volume) this.open(volume);
    if (volume) {
      const wanted = data.maps.length ? data.maps : [NO_MAP];
      this.items = wanted.map((map, i) => itemOf(map, this.items[i], volume, data));
      this.slider.max = volume.slices - 1;
      this.followPython();
      this.clamp();
    }
    const arrived = ({ payload }) => isHere(payload, state.cross[0]);
    const waiting = data.case?.problem ? data.case.problem
      : !volume || !arrived(volume) ? "Loading the scan …"
      : this.items.some((item) => item.hash && !arrived(item)) ? "Loading the anomaly map …" : "";
    this.message.textContent = waiting;
    this.message.hidden = !waiting;
    this.schedule();
  }

  // Another stack; the view stays where its size is the same.
  open(volume) {
    const { state } = this;
    const same = volume && this.shape === String(volume.shape);
    this.volume = volume;
    this.items = [];
    if (!volume) return;
    if (!same || !state.cross) state.cross = volume.shape.map((size) => Math.floor(size / 2));
    if (same) return;
    this.shape = String(volume.shape);
    state.plane = nativePlane(volume);
    Object.assign(state, { frame: "brain", centre: volume.shape.map((size) => size / 2) });
  }

  followPython() {
    const { data, state, seen } = this;
    const jumps = data.sequence !== seen.sequence;
    seen.sequence = data.sequence;
    if (jumps && data.slice !== null) state.cross = state.cross.with(0, data.slice);
    if (jumps && data.threshold !== null) state.threshold = data.threshold;
    this.settle();
    if (jumps) this.reported = JSON.stringify(this.view());
  }

  // The threshold in the grid of the first map, which may be another than before: its own place if
  // it has one. At first it is half of the range.
  settle() {
    const [{ hash, thresholds, high }] = this.items;
    if (!hash) return;
    const asked = (this.state.threshold ??= high / 2);
    if (thresholds[this.state.cut] !== asked) this.state.cut = cutOf(thresholds, asked);
  }

  leave() {
    this.leaving = setTimeout(() => {
      if (this.root.isConnected) return;
      clearTimeout(this.reporting);
      clearInterval(this.blinker);
      registry.listeners.delete(this.onPayload);
      this.observer.disconnect();
      this.present.stop();
      viewers.delete(this.parent);
    }, 2000);
  }

  // ---- drawing

  schedule() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      if (this.data) this.draw();
    });
  }

  draw() {
    const start = performance.now();
    const presenting = Boolean(this.data.case);
    this.root.classList.toggle("z-empty", !this.volume);
    this.size = within(this.root.clientWidth / (presenting ? 80 : 76), 13, presenting ? 48 : 24);
    this.root.classList.toggle("z-slim", this.root.clientWidth < SLIM && !presenting);
    this.root.style.fontSize = `${this.size}px`;
    this.present.draw();
    countItems(this);
    this.toolbar.draw();
    if (this.volume) drawStage(this);
    this.side.draw();
    if (!this.volume) return;
    drawNumbers(this);
    drawProbe(this);
    drawDepth(this);
    this.slider.value = this.state.cross[0];
    const { cross, cut, zoom, low, high, layout, plane, convention } = this.state;
    const whole = [this.volume, ...this.items].every(isWhole);
    Object.assign(this.root.dataset, { parts: whole ? "whole" : "some", slice: cross[0],
      cross: String(cross), threshold: this.view().threshold ?? "", cut, zoom: zoom.toFixed(3),
      window: `${low},${high}`, layout, plane, convention,
      frameMs: (performance.now() - start).toFixed(2) });
  }
}

export default function (component) {
  const { parentElement } = component;
  let viewer = viewers.get(parentElement);
  if (!viewer) viewers.set(parentElement, (viewer = new Viewer(parentElement)));
  viewer.update(component);
  return () => viewer.leave();
}
