// The column beside the picture: layers, threshold, legend, colours.

import { COLOUR_MAPS, classesOf, labelColour } from "./colours.js";
import { sliceCounts } from "./counts.js";
import { MARKS, button, choiceOf, element, press, range } from "./elements.js";
import { oracleOf } from "./layers.js";
import { LAYERS, setLayer, toggleLayer } from "./presets.js";
import { drawHistogram } from "./profile.js";
import { themeOf } from "./stage.js";
import { shortText, thresholdText } from "./thresholds.js";

const COLOUR_MAP_NAMES = Object.keys(COLOUR_MAPS);

export class Side {
  constructor(viewer) {
    this.viewer = viewer;
    this.root = element("div", "z-side");
    this.buildLayers();
    this.buildThreshold();
    this.legend = element("div", "z-legend");
    this.legendGroup = this.group("This slice (pixels)", this.legend);
    this.legendGroup.box.classList.add("z-legend-box");
    this.palettes = choiceOf("z-palettes", [["classic", "Classic"], ["safe", "Colour-blind safe"]],
      (palette) => viewer.set({ palette }));
    this.group("Colours", this.palettes);
    this.colourMaps = choiceOf("z-maps", COLOUR_MAP_NAMES.map((name) => [name, name]),
      (colourMap) => viewer.set({ colourMap }));
    this.mapColours = this.group("Colours of the map", this.colourMaps);
  }

  group(title, ...nodes) {
    const box = element("div", "z-group");
    const head = element("div", "z-label", title);
    box.append(head, ...nodes);
    this.root.append(box);
    return { box, head };
  }

  buildLayers() {
    const rows = element("div", "z-layers");
    this.layers = LAYERS.map(([name, title], i) => {
      const toggle = button(title, `key ${i + 1}`, () => toggleLayer(this.viewer, name));
      toggle.classList.add("z-layer");
      toggle.dataset.layer = name;
      const opacity = range(`opacity-${name}`, `Opacity: ${title}`, 100);
      opacity.title = "opacity";
      opacity.addEventListener("input", () =>
        setLayer(this.viewer, name, { opacity: opacity.value / 100 }));
      rows.append(toggle, opacity);
      return { name, toggle, opacity };
    });
    this.group("Layers and their opacity", rows);
  }

  buildThreshold() {
    this.threshold = range("threshold", "Threshold", 255);
    this.threshold.addEventListener("input", () =>
      this.viewer.setCut(Number(this.threshold.value)));
    this.histogram = element("canvas", "z-histogram");
    const holder = element("div", "z-threshold-box");
    holder.append(this.histogram, this.threshold);
    this.oracle = button("Oracle: best Dice",
      "Uses the ground truth of this subject: upper bound, not a result.",
      () => this.viewer.takeOracle());
    this.scale = element("div", "z-note z-scale");
    this.histogramKey = element("div", "z-note");
    this.others = element("div", "z-note");
    this.thresholdGroup = this.group("Threshold", holder, this.scale, this.histogramKey,
      this.others, this.oracle);
  }

  draw() {
    const { state, items, volume } = this.viewer;
    const item = items.find((each) => each.levels);
    for (const { name, toggle, opacity } of this.layers) {
      const { on, opacity: value } = state.layers[name];
      toggle.setAttribute("aria-pressed", String(on));
      opacity.value = Math.round(value * 100);
      toggle.hidden = opacity.hidden = !this.offers(name, item);
    }
    press(this.palettes, state.palette);
    press(this.colourMaps, state.colourMap);
    this.thresholdGroup.box.hidden = !item;
    this.mapColours.box.hidden = !item || !state.layers.map.on;
    this.oracle.hidden = !volume || oracleOf(items[0]) === null;
    if (volume && item) this.drawThreshold(item);
    if (volume) this.drawLegend(items[0]);
  }

  offers(name, item) {
    const { volume } = this.viewer;
    if (name === "outline") return Boolean(volume?.hasTruth);
    if (name === "labels") return Boolean(volume?.hasTruth && this.viewer.data?.labels.length);
    return Boolean(item) && (name !== "grid" || item.grid > 0);
  }

  drawThreshold({ bins }) {
    const { state: { cut }, volume, items } = this.viewer;
    const { thresholds } = items[0];
    const text = thresholdText(thresholds[cut]);
    this.threshold.value = cut;
    this.threshold.setAttribute("aria-valuetext", text);
    this.thresholdGroup.head.textContent = `Threshold ${text}`;
    this.drawScale(thresholds);
    this.histogramKey.textContent = "voxels of each step: "
      + (volume.hasTruth ? "grey healthy · yellow lesion" : "all in grey");
    this.others.textContent = otherThresholds(items);
    this.others.hidden = !this.others.textContent;
    drawHistogram(this.histogram, bins, cut, {
      healthy: "rgba(127,140,155,.6)", lesion: "rgba(230,180,34,.65)",
      mark: themeOf(this.viewer.root).primary });
  }

  // Where the slider stands at its ends and in the middle: its steps are not even.
  drawScale(thresholds) {
    const ends = [0, thresholds.length >> 1, thresholds.length - 1];
    this.scale.replaceChildren(...ends.map((cut) =>
      element("span", "", shortText(thresholds, cut))));
  }

  drawLegend(item) {
    const { volume, state, data } = this.viewer;
    const { layers, cross } = state;
    const colours = classesOf(data, state.palette);
    const rows = [];
    const { tp, fp, fn } = item.counts ? sliceCounts(volume, item.counts, cross[0])
      : { tp: 0, fp: 0, fn: volume.lesion[cross[0]] };
    const classed = item.levels && layers.classes.on && volume.hasTruth;
    if (classed) {
      const row = ({ colour, cue, label }, count) => [colour, cue, label, count];
      rows.push(row(colours.tp, tp), row(colours.fp, fp), row(colours.fn, fn));
    }
    if (volume.hasTruth && (layers.outline.on || !rows.length)) {
      rows.push([colours.tp.colour, layers.outline.on ? "line" : "off", "truth", tp + fn]);
    }
    if (item.levels && (layers.predicted.on || !classed)) {
      const shown = layers.predicted.on || (layers.classes.on && !volume.hasTruth);
      const { colour } = volume.hasTruth ? colours.fp : colours.only;
      rows.push([colour, shown ? "line" : "off", "predicted", tp + fp]);
    }
    if (layers.labels.on && volume.hasTruth) {
      for (const [value, name] of data.labels) rows.push([labelColour(value), "fill", name, ""]);
    }
    const missed = this.viewer.pictures[0]?.missed;
    const parts = `${missed} part${missed > 1 ? "s" : ""}`;
    if (missed) rows.push(["#fff", "ring", "missed entirely", parts]);
    this.legend.replaceChildren(...rows.flatMap(([colour, look, name, count]) => {
      const swatch = element("span", `z-swatch z-${look}`);
      swatch.style.setProperty("--z-colour", colour);
      return [swatch, element("span", "", name), element("span", "z-count", String(count))];
    }));
    this.legendGroup.box.hidden = !rows.length;
  }
}

// Those of the other maps, where they are not that of the first.
function otherThresholds(items) {
  const texts = items.filter(({ levels }) => levels).map((item) =>
    [item, thresholdText(item.thresholds[item.cut])]);
  const same = texts.every(([, text]) => text === texts[0][1]);
  return same ? "" : texts.filter(([item]) => item !== items[0]).map(([item, text]) =>
    `${MARKS[items.indexOf(item)]} ${text}`).join(" · ");
}
