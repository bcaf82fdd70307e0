// The viewer: state, gestures, and what is told to Python. Counting, drawing of a plane and the
// depth strip live in counts.js, panel.js and strip.js, joined in front of this file.

const registry = (window.__zsad ??= { blobs: new Map(), holders: new Map(), listeners: new Set() });
const viewers = new WeakMap();
const REPORT_AFTER_MS = 250;
const TRUTH_COLOUR = "#E6B422";
const MODES = [["classes", "TP / FP / FN"], ["outline", "Outline"], ["heat", "Heat map"],
  ["none", "Off"]];
const HELP = [
  ["↑ → / ↓ ←", "one slice up / down"], ["PgUp / PgDn", "ten slices"],
  ["Home / End", "first / last slice"], ["wheel", "slices, over the picture"],
  ["hold o", "hide the overlay"], [", / .", "opacity"], ["m", "next overlay mode"],
  ["?", "this list"],
];

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function range(name, label, max) {
  const input = element("input", `z-range z-${name}`);
  Object.assign(input, { type: "range", min: 0, max, step: 1 });
  input.setAttribute("aria-label", label);
  return input;
}

const number = (value, digits) => (Number.isFinite(value) ? value.toFixed(digits) : "–");
const signed = (value) => (Number.isFinite(value) ? (value < 0 ? "−" : "+") +
  Math.abs(value).toFixed(2) : "–");

class Viewer {
  constructor(parent) {
    this.parent = parent;
    this.state = { k: null, threshold: null, mode: "classes", opacity: 0.5, palette: "classic",
      colourMap: "inferno" };
    this.seen = { sequence: null, look: null };
    this.hidden = this.help = false;
    this.hover = this.probeAt = null;
    this.data = null;
    this.volume = null;
    this.maps = [];
    this.panels = [];
    this.wheelRest = 0;
    this.build();
    this.onBlob = () => this.gather();
    registry.listeners.add(this.onBlob);
    this.observer = new ResizeObserver(() => this.schedule());
    this.observer.observe(this.root);
  }

  // ---- structure

  build() {
    const root = (this.root = element("div", "z-root"));
    root.tabIndex = 0;
    root.setAttribute("role", "application");
    root.setAttribute("aria-label", "Slice viewer. Press ? for the keys.");
    this.header = element("div", "z-header");
    this.stage = element("div", "z-stage");
    this.canvas = element("canvas", "z-canvas");
    this.message = element("div", "z-message");
    this.helpBox = this.buildHelp();
    this.stage.append(this.canvas, this.message, this.helpBox);
    this.live = element("div", "z-live");
    this.live.setAttribute("aria-live", "polite");
    root.append(this.header, this.stage, this.buildSide(), this.buildDepth(), this.live);
    this.listen();
  }

  buildHelp() {
    const box = element("div", "z-help");
    box.hidden = true;
    for (const [keys, what] of HELP) box.append(element("kbd", "", keys), element("span", "", what));
    return box;
  }

  buildSide() {
    const side = element("div", "z-side");
    const group = (title, ...nodes) => {
      const box = element("div", "z-group");
      const head = element("div", "z-label", title);
      box.append(head, ...nodes);
      side.append(box);
      return { box, head };
    };
    this.modeButtons = this.buttons("z-modes", MODES, (mode) => this.set({ mode }));
    group("Overlay", this.modeButtons);
    this.opacity = range("opacity", "Overlay opacity", 100);
    this.opacityLabel = group("Opacity", this.opacity).head;

    this.threshold = range("threshold", "Threshold", 255);
    this.histogram = element("canvas", "z-histogram");
    const holder = element("div", "z-threshold-box");
    holder.append(this.histogram, this.threshold);
    this.oracle = element("button", "z-button", "Oracle: best Dice");
    this.oracle.type = "button";
    this.oracle.title = "Chosen on the truth of this subject, so an upper bound and not a result.";
    this.histogramKey = element("div", "z-note");
    const thresholdGroup = group("Threshold", holder, this.histogramKey, this.oracle);
    this.thresholdLabel = thresholdGroup.head;
    this.mapGroups = [thresholdGroup.box];

    this.legend = element("div", "z-legend");
    group("This slice (pixels)", this.legend);
    this.palettes = this.buttons("z-palettes",
      [["classic", "Classic"], ["safe", "Colour-blind safe"]], (palette) => this.set({ palette }));
    group("Colours", this.palettes);
    this.bar = element("canvas", "z-bar");
    this.barScale = element("div", "z-bar-scale");
    this.colourMaps = this.buttons("z-maps",
      [["inferno", "Inferno"], ["viridis", "Viridis"], ["grey", "Grey"]],
      (colourMap) => this.set({ colourMap }));
    this.barGroup = group("Anomaly map", this.bar, this.barScale, this.colourMaps).box;
    this.probe = element("div", "z-probe");
    group("Under the cursor", this.probe);
    return side;
  }

  buttons(className, choices, choose) {
    const row = element("div", `z-buttons ${className}`);
    for (const [value, label] of choices) {
      const button = element("button", "z-button", label);
      button.type = "button";
      button.dataset.value = value;
      button.addEventListener("click", () => choose(value));
      row.append(button);
    }
    return row;
  }

  buildDepth() {
    const depth = element("div", "z-depth");
    this.strip = element("canvas", "z-strip");
    this.strip.setAttribute("role", "img");
    this.strip.setAttribute("aria-label", "Dice and lesion area per slice; click to go to a slice");
    this.slider = range("slice", "Slice", 1);
    depth.append(this.strip, this.slider);
    return depth;
  }

  // ---- gestures

  listen() {
    this.slider.addEventListener("input", () => this.set({ k: Number(this.slider.value) }));
    this.threshold.addEventListener("input", () =>
      this.set({ threshold: Number(this.threshold.value) }));
    this.opacity.addEventListener("input", () =>
      this.set({ opacity: Number(this.opacity.value) / 100 }));
    this.oracle.addEventListener("click", () => {
      const map = this.maps[0];
      if (map && this.volume.hasTruth) {
        this.set({ threshold: oracleThreshold(this.volume, map, this.data.brainOnly) });
      }
    });
    this.stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.stage.addEventListener("pointerdown", () => this.root.focus({ preventScroll: true }));
    this.canvas.addEventListener("pointermove", (event) => {
      const box = this.canvas.getBoundingClientRect();
      const scale = this.canvas.width / box.width;
      this.probeAt = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
      this.schedule();
    });
    this.canvas.addEventListener("pointerleave", () => {
      this.probeAt = null;
      this.schedule();
    });
    this.listenStrip();
    this.root.addEventListener("keydown", (event) => this.key(event));
    const show = () => this.setHidden(false);
    this.root.addEventListener("keyup", (event) => event.key.toLowerCase() === "o" && show());
    this.root.addEventListener("focusout", show);
  }

  listenStrip() {
    const at = (event) => {
      const box = this.strip.getBoundingClientRect();
      return indexAt(event.clientX - box.left, this.volume?.slices ?? 1, box.width);
    };
    this.strip.addEventListener("pointerdown", (event) => {
      this.strip.setPointerCapture(event.pointerId);
      this.root.focus({ preventScroll: true });
      this.set({ k: at(event) });
    });
    this.strip.addEventListener("pointermove", (event) => {
      this.hover = at(event);
      if (event.buttons & 1) this.set({ k: this.hover });
      else this.schedule();
    });
    this.strip.addEventListener("pointerleave", () => {
      this.hover = null;
      this.schedule();
    });
  }

  wheel(event) {
    if (event.ctrlKey || !this.volume) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 40 : 1;
    this.wheelRest += (event.deltaY || event.deltaX) * lines;
    const notch = Math.abs(event.deltaY) * lines >= 40 ? Math.sign(this.wheelRest)
      : Math.trunc(this.wheelRest / 40);
    if (!notch) return;
    this.wheelRest = 0;
    this.set({ k: this.state.k - notch });
  }

  key(event) {
    const field = event.target instanceof HTMLInputElement;
    if (event.ctrlKey || event.metaKey || event.altKey || !this.volume) return;
    const { k, opacity, mode } = this.state;
    const modes = MODES.map(([name]) => name);
    const moves = { ArrowUp: k + 1, ArrowRight: k + 1, ArrowDown: k - 1, ArrowLeft: k - 1,
      PageUp: k + 10, PageDown: k - 10, Home: 0, End: this.volume.slices - 1 };
    if (event.key in moves) {
      if (field) return;
      this.set({ k: moves[event.key] });
    } else if (event.key === "o" || event.key === "O") this.setHidden(true);
    else if (event.key === ",") this.set({ opacity: Math.round(10 * opacity - 1) / 10 });
    else if (event.key === ".") this.set({ opacity: Math.round(10 * opacity + 1) / 10 });
    else if (event.key === "m") this.set({ mode: modes[(modes.indexOf(mode) + 1) % modes.length] });
    else if (event.key === "?") this.helpBox.hidden = !this.helpBox.hidden;
    else if (event.key === "Escape" && !this.helpBox.hidden) this.helpBox.hidden = true;
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  setHidden(hidden) {
    if (this.hidden === hidden) return;
    this.hidden = hidden;
    this.schedule();
  }

  // A gesture of the user: changes the state, draws, and tells Python once the hand rests.
  set(change) {
    Object.assign(this.state, change);
    this.clamp();
    this.schedule();
    clearTimeout(this.reporting);
    this.reporting = setTimeout(() => this.report(), REPORT_AFTER_MS);
  }

  clamp() {
    const { state, volume } = this;
    state.opacity = Math.max(0, Math.min(1, state.opacity));
    if (volume && state.k !== null) state.k = Math.max(0, Math.min(volume.slices - 1, state.k));
  }

  report() {
    const { k, threshold, mode, opacity, palette, colourMap } = this.state;
    const view = { slice: k, threshold, mode, opacity, palette, colour_map: colourMap,
      sequence: this.data.sequence };
    const text = JSON.stringify(view);
    if (text === this.reported) return;
    this.reported = text;
    this.tell("view", view);
  }

  // ---- what Python sends

  update({ data, setStateValue }) {
    clearTimeout(this.leaving);
    this.tell = setStateValue;
    this.data = data;
    if (!this.root.isConnected || !this.parent.contains(this.root)) this.parent.append(this.root);
    this.root.style.height = `${data.height}px`;
    if (data.sequence !== this.seen.sequence) {
      this.seen.sequence = data.sequence;
      if (data.slice !== null) this.state.k = data.slice;
      if (data.threshold !== null) this.state.threshold = data.threshold;
    }
    const look = JSON.stringify([data.mode, data.opacity, data.palette, data.colourMap]);
    if (look !== this.seen.look) {
      this.seen.look = look;
      Object.assign(this.state, { mode: data.mode, opacity: data.opacity, palette: data.palette,
        colourMap: data.colourMap });
    }
    this.state.threshold ??= 128;
    this.gather();
  }

  // Take what is there of the wanted blobs; missing ones arrive by a listener.
  gather() {
    const { data } = this;
    if (!data) return;
    if (this.volume?.hash !== data.volume) {
      const blob = registry.blobs.get(data.volume);
      this.volume = blob?.bytes ? { ...readVolume(blob), hash: data.volume } : null;
      this.maps = [];
    }
    if (this.volume) {
      this.state.k ??= Math.floor(this.volume.slices / 2);
      this.clamp();
      this.maps = data.maps.map((wanted, i) => this.gatherMap(wanted, this.maps[i]));
      this.slider.max = this.volume.slices - 1;
    }
    const waiting = !this.volume ? "Loading the scan …"
      : this.maps.some((map) => !map.levels) ? "Loading the anomaly map …" : "";
    this.message.textContent = waiting;
    this.message.hidden = !waiting;
    this.schedule();
  }

  gatherMap(wanted, before) {
    const same = before?.levels && before.hash === wanted.hash;
    const levels = same ? before.levels : registry.blobs.get(wanted.hash)?.bytes ?? null;
    const map = { ...wanted, levels, table: null, bins: null, counts: null, counted: "" };
    if (same && before.table.brainOnly === this.data.brainOnly) {
      map.table = before.table;
      map.bins = before.bins;
    } else if (levels) {
      map.table = tally(this.volume, levels, this.data.brainOnly);
      map.bins = histograms(this.volume, map.table);
    }
    return map;
  }

  leave() {
    this.leaving = setTimeout(() => {
      if (this.root.isConnected) return;
      clearTimeout(this.reporting);
      registry.listeners.delete(this.onBlob);
      this.observer.disconnect();
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

  loaded() {
    return this.maps.filter((map) => map.levels);
  }

  draw() {
    const start = performance.now();
    this.drawControls();
    if (!this.volume) return;
    this.count();
    this.drawStage();
    this.drawNumbers();
    this.drawProbe();
    this.drawDepth();
    this.root.dataset.slice = this.state.k;
    this.root.dataset.threshold = this.state.threshold;
    this.root.dataset.frameMs = (performance.now() - start).toFixed(2);
  }

  // The counts of every map at the threshold of now; made again only when something changed.
  count() {
    const { threshold } = this.state;
    const { brainOnly, smallest } = this.data;
    for (const map of this.loaded()) {
      const wanted = `${threshold} ${brainOnly} ${smallest}`;
      if (map.counted === wanted) continue;
      map.counts = countsAt(this.volume, map, threshold, { brainOnly, smallest });
      map.counted = wanted;
    }
  }

  drawStage() {
    const scale = window.devicePixelRatio || 1;
    const width = Math.round(this.stage.clientWidth * scale);
    const height = Math.round(this.stage.clientHeight * scale);
    if (this.canvas.width !== width || this.canvas.height !== height) {
      Object.assign(this.canvas, { width, height });
    }
    const ctx = this.canvas.getContext("2d");
    ctx.fillStyle = "#000";
    ctx.fillRect(0, 0, width, height);
    const shown = this.maps.length ? this.maps : [null];
    while (this.panels.length < shown.length) this.panels.push(new Panel());
    this.panels.length = shown.length;
    const settings = { ...this.state, hidden: this.hidden, brainOnly: this.data.brainOnly,
      pixelMm: this.data.pixelMm };
    const share = width / shown.length;
    this.panels.forEach((panel, i) => {
      const box = { x: Math.round(i * share), y: 0, width: Math.floor(share), height };
      const map = shown[i]?.levels ? shown[i] : null;
      panel.paint(ctx, box, { volume: this.volume, map, title: shown[i]?.title ?? "",
        k: this.state.k, settings }, scale);
    });
  }

  drawControls() {
    const { state, data } = this;
    const press = (row, value) => row.childNodes.forEach((button) =>
      button.setAttribute("aria-pressed", String(button.dataset.value === value)));
    press(this.modeButtons, state.mode);
    press(this.palettes, state.palette);
    press(this.colourMaps, state.colourMap);
    this.opacity.value = Math.round(state.opacity * 100);
    this.opacityLabel.textContent = `Opacity ${Math.round(state.opacity * 100)} %`;
    this.threshold.value = state.threshold;
    if (state.k !== null) this.slider.value = state.k;
    const hasMap = data.maps.length > 0;
    this.mapGroups.forEach((box) => (box.hidden = !hasMap));
    this.barGroup.hidden = !hasMap || state.mode !== "heat";
    this.oracle.hidden = !this.volume?.hasTruth;
    const map = this.loaded()[0];
    if (!map) return;
    const value = (map.high * state.threshold) / 255;
    this.thresholdLabel.textContent = `Threshold ${value.toFixed(3)} (level ${state.threshold})`;
    this.histogramKey.textContent = this.volume.hasTruth ? "grey healthy · yellow lesion"
      : "grey: all pixels in the brain";
    drawHistogram(this.histogram, map.bins, state.threshold, {
      healthy: "rgba(127,140,155,.55)", lesion: "rgba(230,180,34,.6)", mark: this.theme().primary });
    if (!this.barGroup.hidden) this.drawBar(map);
  }

  drawBar(map) {
    const ctx = ready(this.bar);
    const table = colourTable(this.state.colourMap);
    const width = this.bar.clientWidth;
    const height = this.bar.clientHeight;
    for (let x = 0; x < width; x++) {
      const v = 3 * Math.round((x / (width - 1)) * 255);
      ctx.fillStyle = `rgb(${table[v]},${table[v + 1]},${table[v + 2]})`;
      ctx.fillRect(x, 0, 1, height);
    }
    ctx.fillStyle = "#fff";
    ctx.fillRect((this.state.threshold / 255) * (width - 1) - 1, 0, 2, height);
    this.barScale.replaceChildren(element("span", "", "0"), element("span", "", "white: threshold"),
      element("span", "", String(+map.high.toPrecision(4))));
  }

  drawNumbers() {
    const { data, volume, state } = this;
    const rule = data.emptySlices;
    const ml = (voxels) => `${number(voxels * data.voxelMl, 1)} ml`;
    const parts = [["slice", `${state.k + 1} / ${volume.slices}`],
      ["depth", signed(data.depth[state.k] ?? NaN)]];
    const maps = this.loaded();
    this.root.dataset.dice = this.root.dataset.volumeDice = "";
    maps.forEach((map, i) => {
      const mark = maps.length > 1 ? ` ${"AB"[i]}` : "";
      const here = sliceCounts(volume, map.counts, state.k);
      const whole = volumeCounts(volume, map.counts);
      if (volume.hasTruth) {
        const [one, all] = [dice(here, rule), dice(whole, rule)];
        if (i === 0) {
          this.root.dataset.dice = number(one, 4);
          this.root.dataset.volumeDice = number(all, 4);
        }
        parts.push([`slice Dice${mark}`, number(one, 3)], [`volume Dice${mark}`, number(all, 3)]);
        if (i === 0) parts.push(["truth", ml(whole.tp + whole.fn)]);
      }
      parts.push([`predicted${mark}`, ml(whole.tp + whole.fp)]);
      if (volume.hasTruth) parts.push([`false positive${mark}`, ml(whole.fp)]);
    });
    if (!volume.hasTruth) parts.push(["no truth", "Dice not shown"]);
    if (!volume.brain[state.k]) parts.push(["empty slice", "no brain"]);
    const nodes = parts.map(([name, value]) => {
      const cell = element("div", "z-cell");
      cell.append(element("span", "z-name", name), element("span", "z-value", value));
      return cell;
    });
    if (data.title) nodes.unshift(element("div", "z-title", data.title));
    if (data.note) nodes.push(element("div", "z-remark", data.note));
    this.header.replaceChildren(...nodes);
    this.drawLegend(maps[0]);
    this.say();
  }

  drawLegend(map) {
    const { volume, state } = this;
    const colours = PALETTES[state.palette];
    const rows = [];
    if (map) {
      const { tp, fp, fn } = sliceCounts(volume, map.counts, state.k);
      const filled = state.mode === "classes";
      if (!volume.hasTruth) rows.push([colours.only, filled ? "fill" : "line", "predicted", fp]);
      else if (filled) {
        rows.push([colours.tp, "fill", "TP found", tp],
          [colours.fp, colours.cue ? "hatch" : "fill", "FP false alarm", fp],
          [colours.fn, colours.cue ? "line" : "fill", "FN missed", fn]);
      } else {
        rows.push([colours.tp, "line", "truth", tp + fn], [colours.fp, "line", "predicted", tp + fp]);
      }
    } else if (volume.hasTruth) rows.push([colours.tp, "line", "truth", volume.lesion[state.k]]);
    if (state.mode === "none") rows.forEach((row) => (row[1] = "off"));
    const nodes = rows.flatMap(([colour, look, label, count]) => {
      const swatch = element("span", `z-swatch z-${look}`);
      swatch.style.setProperty("--z-colour", colour);
      return [swatch, element("span", "", label), element("span", "z-count", String(count))];
    });
    this.legend.replaceChildren(...nodes);
  }

  say() {
    clearTimeout(this.saying);
    const { k } = this.state;
    const score = this.root.dataset.dice;
    this.saying = setTimeout(() => {
      const text = `Slice ${k + 1} of ${this.volume.slices}${score ? `, Dice ${score}` : ""}`;
      if (this.live.textContent !== text) this.live.textContent = text;
    }, 300);
  }

  drawProbe() {
    const { volume, state } = this;
    let hit = null;
    let panel = 0;
    if (this.probeAt) {
      panel = this.panels.findIndex((each) => (hit = each.pick(...this.probeAt)));
    }
    if (!hit) {
      this.probe.replaceChildren(element("span", "z-note", "move over the picture"));
      return;
    }
    const at = (state.k * volume.height + hit.row) * volume.width + hit.column;
    const map = this.maps[panel];
    const x = volume.width - 1 - hit.column;
    const y = volume.height - 1 - hit.row;
    const rows = [["x y z", `${x} ${y} ${state.k}`], ["intensity", String(volume.image[at])]];
    if (map?.levels) rows.push(["map", number((map.high * map.levels[at]) / 255, 3)]);
    const names = volume.hasTruth ? ["TN", "TP", "FP", "FN"] : ["–", "predicted", "predicted", ""];
    const inBrain = volume.flags[at] & BRAIN;
    rows.push(["class", (map?.levels ? names[hit.kind] : hit.kind ? "lesion" : "–") +
      (inBrain ? "" : " · outside brain")]);
    this.probe.replaceChildren(...rows.flatMap(([name, value]) =>
      [element("span", "z-name", name), element("span", "", value)]));
  }

  drawDepth() {
    const { volume, state, data } = this;
    const theme = this.theme();
    const maps = this.loaded();
    const curves = volume.hasTruth ? maps.map((map, i) => ({
      colour: i ? theme.text : theme.primary, dashed: i > 0,
      values: Array.from({ length: volume.slices }, (_, k) =>
        dice(sliceCounts(volume, map.counts, k), data.emptySlices)),
    })) : [];
    const predicted = (k) => maps.length
      ? maps[0].counts.predicted[k] : 0;
    const area = volume.hasTruth ? volume.lesion
      : Array.from({ length: volume.slices }, (_, k) => predicted(k));
    const hover = this.hover === null ? null : Math.min(this.hover, volume.slices - 1);
    const hoverText = hover === null ? "" : `slice ${hover + 1}` +
      (curves.length ? ` · Dice ${number(curves[0].values[hover], 3)}` : "") +
      ` · ${volume.hasTruth ? "lesion" : "predicted"} ${area[hover]} px`;
    const caption = volume.hasTruth
      ? (curves.length ? "line: Dice per slice · " : "") + "yellow: lesion area"
      : "bars: predicted area · no truth: Dice not shown";
    drawStrip(this.strip, { area, areaColour: TRUTH_COLOUR, curves,
      empty: volume.brain.map((count) => (count ? 0 : 1)), k: state.k, hover, hoverText, caption },
    theme);
  }

  theme() {
    const style = getComputedStyle(this.root);
    const value = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
    return {
      text: value("--st-text-color", "#e6edf3"),
      muted: style.getPropertyValue("--z-muted").trim() || "#8b98a5",
      faint: "rgba(127,140,155,.18)", line: "rgba(127,140,155,.3)",
      primary: value("--st-primary-color", "#0072B2"),
      ground: value("--st-background-color", "#0e1117"),
    };
  }
}

export default function (component) {
  const { parentElement } = component;
  let viewer = viewers.get(parentElement);
  if (!viewer) viewers.set(parentElement, (viewer = new Viewer(parentElement)));
  viewer.update(component);
  return () => viewer.leave();
}
