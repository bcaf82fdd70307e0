// The depth strip (Dice, areas of truth and prediction per slice) and the histogram behind the
// threshold handle.

import { TRUTH_COLOUR } from "./colours.js";

const THUMB = 14;

function ready(canvas) {
  const scale = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * scale);
  const height = Math.round(canvas.clientHeight * scale);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const ctx = canvas.getContext("2d");
  ctx.setTransform(scale, 0, 0, scale, 0, 0);
  ctx.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  return ctx;
}

// Same inset as the handle of a range input, so that strip and slider line up.
function across(index, count, width) {
  return THUMB / 2 + (count > 1 ? index / (count - 1) : 0.5) * (width - THUMB);
}

export function indexAt(x, count, width) {
  const at = Math.round(((x - THUMB / 2) / (width - THUMB)) * (count - 1));
  return Math.max(0, Math.min(count - 1, at));
}

// series: { truth (S) or null, predicted (S) or null, curves: [{ name, values (S), colour, dash }],
//   empty (S), k, hover, hoverText, legend, ends: [first, last] }; `size` of the letters in px.
export function drawStrip(canvas, series, theme, size) {
  const ctx = ready(canvas);
  const width = canvas.clientWidth;
  const top = size * 1.4;
  const bottom = canvas.clientHeight - size * 1.4;
  const count = series.empty.length;
  const x = (k) => across(k, count, width);
  const y = (value) => bottom - value * (bottom - top);
  const bar = Math.max(1, (width - THUMB) / count);

  ctx.fillStyle = theme.faint;
  for (let k = 0; k < count; k++) {
    if (series.empty[k]) ctx.fillRect(x(k) - bar / 2, top, bar + 0.5, bottom - top);
  }
  ctx.strokeStyle = theme.line;
  ctx.lineWidth = 1;
  for (const value of [0, 0.5, 1]) {
    ctx.beginPath();
    ctx.moveTo(0, Math.round(y(value)) + 0.5);
    ctx.lineTo(width, Math.round(y(value)) + 0.5);
    ctx.stroke();
  }
  const most = Math.max(1, ...(series.truth ?? []), ...(series.predicted ?? []));
  const rise = (area) => bottom - (area / most) * (bottom - top) * 0.9;
  if (series.truth) {
    ctx.fillStyle = TRUTH_COLOUR;
    ctx.globalAlpha = 0.65;
    series.truth.forEach((area, k) => {
      const y = rise(area);
      if (area) ctx.fillRect(x(k) - bar * 0.42, y, Math.max(1, bar * 0.84), bottom - y);
    });
    ctx.globalAlpha = 1;
  }
  if (series.predicted) drawSteps(ctx, series.predicted, x, rise, bar, theme.text);
  for (const curve of series.curves) drawCurve(ctx, curve, x, y, theme.ground);

  ctx.strokeStyle = theme.text;
  ctx.lineWidth = 2;
  ctx.beginPath();
  ctx.moveTo(x(series.k), top - 4);
  ctx.lineTo(x(series.k), bottom + 2);
  ctx.stroke();
  drawStripText(ctx, series, theme, { width, height: canvas.clientHeight, x, top, size });
}

// Predicted area as steps, so that the bars of the truth stay visible under it.
function drawSteps(ctx, areas, x, rise, bar, colour) {
  ctx.beginPath();
  areas.forEach((area, k) => {
    const [left, right, y] = [x(k) - bar / 2, x(k) + bar / 2, rise(area)];
    if (k === 0) ctx.moveTo(left, y);
    else ctx.lineTo(left, y);
    ctx.lineTo(right, y);
  });
  ctx.strokeStyle = colour;
  ctx.globalAlpha = 0.75;
  ctx.lineWidth = 1.25;
  ctx.stroke();
  ctx.globalAlpha = 1;
}

// A halo in the ground colour keeps the line readable over the bars.
function drawCurve(ctx, { values, colour, dash }, x, y, ground) {
  const path = new Path2D();
  let open = false;
  values.forEach((value, k) => {
    if (Number.isNaN(value)) open = false;
    else if (open) path.lineTo(x(k), y(value));
    else {
      path.moveTo(x(k), y(value));
      path.lineTo(x(k) + 0.01, y(value));
      open = true;
    }
  });
  ctx.lineCap = ctx.lineJoin = "round";
  ctx.strokeStyle = ground;
  ctx.lineWidth = 5;
  ctx.stroke(path);
  ctx.strokeStyle = colour;
  ctx.lineWidth = 2.25;
  ctx.setLineDash(dash);
  ctx.stroke(path);
  ctx.setLineDash([]);
}

function drawStripText(ctx, series, theme, { width, height, x, top, size }) {
  ctx.font = `${size}px system-ui, sans-serif`;
  ctx.fillStyle = theme.muted;
  ctx.textBaseline = "top";
  ctx.textAlign = "left";
  const taken = series.hover === null ? 0 : ctx.measureText(series.hoverText).width + 2 * size;
  if (legendWidth(ctx, series, size) + taken <= width) drawLegend(ctx, series, theme, size);
  ctx.fillStyle = theme.muted;
  ctx.textBaseline = "bottom";
  ctx.fillText(`1 ${series.ends[0]}`, 2, height);
  ctx.textAlign = "right";
  ctx.fillText(`${series.empty.length} ${series.ends[1]}`, width - 2, height);
  if (series.hover === null) return;
  ctx.strokeStyle = theme.muted;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(x(series.hover), top);
  ctx.lineTo(x(series.hover), height - size * 1.4);
  ctx.stroke();
  ctx.fillStyle = theme.text;
  ctx.textAlign = "right";
  ctx.textBaseline = "top";
  ctx.fillText(series.hoverText, width - 2, 0);
}

const SAMPLE = 1.8; // of a mark in the legend, in letters' sizes
const ENTRY_GAP = 0.9; // between two entries

// Entries { text, mark, colour, dash }; with several maps each curve has its map's letter.
const legendOf = ({ legend, curves }) => [
  ...(curves.length > 1 ? [{ text: "Dice" }] : []),
  ...curves.map(({ name, colour, dash }) => ({ text: name || "Dice", mark: "line", colour, dash })),
  ...legend];

function legendWidth(ctx, series, size) {
  return legendOf(series).reduce((all, { text, mark }) =>
    all + ((mark ? SAMPLE + 0.4 : 0) + ENTRY_GAP) * size + ctx.measureText(text).width, 0);
}

function drawLegend(ctx, series, theme, size) {
  let x = 2;
  for (const { text, mark, colour, dash = [] } of legendOf(series)) {
    ctx.strokeStyle = ctx.fillStyle = colour ?? theme.text;
    ctx.lineWidth = mark === "steps" ? 1.25 : 2.25;
    ctx.setLineDash(dash);
    const [end, middle, low, high] = [x + SAMPLE * size, x + (SAMPLE * size) / 2, size, size * 0.2];
    if (mark === "area") ctx.fillRect(x, high, SAMPLE * size, low - high);
    if (mark === "line") ctx.stroke(new Path2D(`M${x} ${size / 2} H${end}`));
    if (mark === "steps") ctx.stroke(new Path2D(`M${x} ${low} H${middle} V${high} H${end}`));
    ctx.setLineDash([]);
    if (mark) x = end + 0.4 * size;
    ctx.fillStyle = theme.text;
    ctx.fillText(text, x, 0);
    x += ctx.measureText(text).width + ENTRY_GAP * size;
  }
}

// One bar from each threshold to the next. Square-root height, each group scaled to its own peak,
// so that a small lesion still shows.
export function drawHistogram(canvas, { healthy, lesion }, cut, colours) {
  const ctx = ready(canvas);
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const groups = [[healthy, colours.healthy], [lesion, colours.lesion]];
  for (const [bins, colour] of groups) {
    const most = Math.max(1, ...bins.slice(1));
    ctx.fillStyle = colour;
    ctx.beginPath();
    ctx.moveTo(across(0, 256, width), height);
    for (let t = 0; t < 256; t++) {
      const h = Math.min(1, Math.sqrt(bins[t] / most)) * (height - 2);
      ctx.lineTo(across(t, 256, width), height - h);
    }
    ctx.lineTo(across(255, 256, width), height);
    ctx.fill();
  }
  ctx.fillStyle = colours.mark;
  ctx.fillRect(across(cut, 256, width) - 1, 0, 2, height);
}
