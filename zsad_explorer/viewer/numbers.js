// The numbers round the picture: header, what lies under the cursor, the strip of slices.

import { NONE } from "./classes.js";
import { TRUTH_COLOUR } from "./colours.js";
import { VOLUME_DICE, dice, sliceCounts, volumeCounts } from "./counts.js";
import { MARKS, element, number, signed } from "./elements.js";
import { BRAIN, LABEL_SHIFT, TRUTH } from "./flags.js";
import { isWhole } from "./layers.js";
import { OPPOSITE, SIDES, millimetres, nativePlane, voxelOf } from "./planes.js";
import { drawStrip } from "./profile.js";
import { themeOf } from "./stage.js";
import { intervalText } from "./thresholds.js";

function cell(name, value) {
  const node = element("div", "z-cell");
  node.append(element("span", "z-name", name), element("span", "z-value", value));
  return node;
}

// A number of every map that has one stands in one cell, in a comparison behind the map's mark.
export function drawNumbers(viewer) {
  const { data, volume, state, items, root } = viewer;
  const k = state.cross[0];
  const ml = (voxels) => `${number(voxels * data.voxelMl, 1)} ml`;
  const numbers = items.filter(({ counts }) => counts).map((item) => numbersOf(item, k, data));
  const each = (name, text) => {
    const texts = numbers.map((of) => [of, text(of)]).filter(([, shown]) => shown !== null);
    return texts.length ? [[name, texts.map(([{ item }, shown]) =>
      `${markOf(items, item)}${shown}`).join(" · ")]] : [];
  };
  const alone = items.length === 1;
  const parts = [["slice", `${k + 1} / ${volume.slices}`],
    ["depth", signed(data.depth[k] ?? NaN, 2)],
    ...each("2D Dice", ({ item, dice2d }) => (item.volume.hasTruth ? number(dice2d, 3) : null)),
    ...each("3D Dice", ({ item, dice3d }) => (item.volume.hasTruth && item.whole
      ? number(dice3d, 3, "no lesion: no Dice") : null)),
    ...["auroc", "ap"].flatMap((name) => each(name.toUpperCase(),
      ({ item }) => (item.whole && item[name] !== null ? number(item[name], 3) : null))),
    ...(volume.hasTruth && isWhole(volume)
      ? [["truth", ml(volume.lesion.reduce((sum, count) => sum + count, 0))]] : []),
    ...each("predicted", ({ item, whole }) => (item.whole ? ml(whole.tp + whole.fp) : null)),
    ...each("false positive", ({ item, whole: { tp, fp, fn } }) =>
      (item.whole && item.volume.hasTruth && (alone || tp + fn === 0) ? ml(fp) : null))];
  if (!volume.hasTruth) parts.push(["no truth", "Dice not shown"]);
  if (!volume.brain[k]) parts.push(["empty slice", "background alone"]);
  const nodes = parts.map(([name, value]) => cell(name, value));
  if (data.title) nodes.unshift(element("div", "z-title", data.title));
  if (data.note) nodes.push(element("div", "z-remark", data.note));
  viewer.header.replaceChildren(...nodes);
  Object.assign(root.dataset, { dice: "", counts: "", volumeDice: "", volumeCounts: "" },
    datasetOf(numbers.find(({ item }) => item === items[0])));
  announce(viewer);
}

function numbersOf(item, k, { emptyDice }) {
  const slice = sliceCounts(item.volume, item.counts, k);
  const whole = volumeCounts(item.volume, item.counts);
  return { item, slice, whole, dice2d: dice(slice, emptyDice), dice3d: dice(whole, VOLUME_DICE) };
}

const markOf = (items, item) => (items.length > 1 ? `${MARKS[items.indexOf(item)]} ` : "");

// The numbers of the first map, for who reads the page.
function datasetOf(numbers) {
  if (!numbers?.item.volume.hasTruth) return {};
  const { item, slice, whole, dice2d, dice3d } = numbers;
  const text = ({ tp, fp, fn }) => `${tp},${fp},${fn}`;
  return { dice: number(dice2d, 4), counts: text(slice),
    ...(item.whole ? { volumeDice: number(dice3d, 4), volumeCounts: text(whole) } : {}) };
}

// Tells a screen reader once the hand rests.
function announce(viewer) {
  clearTimeout(viewer.announcing);
  const score = viewer.root.dataset.dice;
  const position = `Slice ${viewer.state.cross[0] + 1} of ${viewer.volume.slices}`;
  const text = !score ? position : `${position}, ${score === "–" ? "no Dice" : `Dice ${score}`}`;
  viewer.announcing = setTimeout(() => {
    if (viewer.live.textContent !== text) viewer.live.textContent = text;
  }, 300);
}

export function drawProbe(viewer) {
  const { hand, data } = viewer;
  const picture = hand.at && viewer.pictureAt(hand.at);
  const hit = picture?.pick(...hand.at);
  if (!hit) {
    const note = element("span", "z-note", "Move the pointer over the picture to read values.");
    viewer.probe.replaceChildren(note);
    return;
  }
  const { item } = picture.view;
  const { volume } = item;
  const i = (hit.at[0] * volume.height + hit.at[1]) * volume.width + hit.at[2];
  const voxel = voxelOf(volume, hit.at);
  const rows = [["voxel", voxel.join(" ")]];
  if (data.affine) {
    rows.push(["mm", millimetres(data.affine, voxel).map((v) => v.toFixed(1)).join(" ")]);
  }
  rows.push(["intensity", intensity(item.window ?? data.window, volume.image[i])]);
  const scores = viewer.items.filter(({ levels }) => levels).map((each) =>
    markOf(viewer.items, each) + intervalText(each.thresholds, each.levels[i]));
  if (scores.length) rows.push(["score", scores.join(" · ")]);
  const flag = volume.flags[i];
  const value = flag >> LABEL_SHIFT;
  const name = data.labels.find(([label]) => label === value)?.[1];
  const part = value ? name ?? String(value) : flag & TRUTH ? "lesion" : "–";
  if (volume.hasTruth) rows.push(["label", part]);
  if (item.levels) rows.push(["class", className(volume, hit.kind)]);
  if (!(flag & BRAIN)) rows.push(["", "background"]);
  viewer.probe.replaceChildren(...rows.map(([title, text]) => {
    const node = element("span", "z-fact");
    node.append(element("span", "z-name", title), element("b", "", text));
    return node;
  }));
}

function className(volume, kind) {
  if (!volume.hasTruth) return kind === NONE ? "–" : "predicted";
  return ["TN", "TP", "FP", "FN"][kind];
}

// In the scan's own units as far as eight bits tell; at the ends of the window only a bound.
function intensity(window, level) {
  if (!window) return String(level);
  const [low, high] = window;
  const value = low + (level / 255) * (high - low);
  const digits = high - low < 10 ? 3 : high - low < 1000 ? 1 : 0;
  return `${{ 0: "≤ ", 255: "≥ " }[level] ?? "≈ "}${value.toFixed(digits)}`;
}

export function drawDepth(viewer) {
  const { volume, state, data } = viewer;
  const theme = themeOf(viewer.root);
  const items = viewer.items.filter(({ counts }) => counts);
  const colours = [theme.primary, theme.text, "#CC79A7", "#009E73"];
  const curves = volume.hasTruth ? items.flatMap((item, i) => (item.whole ? [{
    name: markOf(viewer.items, item).trim(), colour: colours[i],
    dash: [[], [5, 4], [2, 3], [8, 3]][i],
    values: Array.from({ length: volume.slices }, (_, k) =>
      dice(sliceCounts(item.volume, item.counts, k), data.emptyDice)),
  }] : [])) : [];
  const predicted = (items[0]?.whole && items[0].counts.predicted) || null;
  const hover = viewer.hover === null ? null : Math.min(viewer.hover, volume.slices - 1);
  const truth = volume.hasTruth ? volume.lesion : null;
  const facts = hover === null ? [] : [`slice ${hover + 1}`,
    curves.length && `Dice ${curves.map(({ name, values }) =>
      `${name} ${number(values[hover], 3)}`.trim()).join(", ")}`,
    truth && `truth ${truth[hover]} px`, predicted && `predicted ${predicted[hover]} px`];
  const legend = [
    truth ? { text: "truth area", mark: "area", colour: TRUTH_COLOUR } : { text: "no truth, no Dice" },
    predicted && { text: "predicted area", mark: "steps" }].filter(Boolean);
  const { letter } = viewer.plane(nativePlane(volume)).normal;
  drawStrip(viewer.strip, { truth, predicted: predicted && [...predicted], curves,
    empty: Array.from(volume.brain, (count, k) => !count && volume.counted.has(k)),
    k: state.cross[0], hover,
    hoverText: facts.filter(Boolean).join(" · "), legend,
    ends: [SIDES[OPPOSITE[letter]], SIDES[letter]] }, theme, Math.max(12, viewer.size * 0.85));
}
