// What is written on a picture: orientation, scale, title, crosshair, patch grid, colour scale.

import { COLOUR_MAPS, DIVERGING } from "./colours.js";
import { MARKS } from "./elements.js";
import { OPPOSITE, turned } from "./planes.js";
import { thresholdText } from "./thresholds.js";

const INK = "#f2f6fa";
const BARS_MM = [1, 2, 5, 10, 20, 50, 100, 200];

// Light text with a dark rim, readable on any picture.
function label(ctx, text, x, y, align, baseline) {
  ctx.textAlign = align;
  ctx.textBaseline = baseline;
  ctx.lineJoin = "round";
  ctx.strokeStyle = "rgba(0, 0, 0, .85)";
  ctx.lineWidth = 4;
  ctx.strokeText(text, x, y);
  ctx.fillStyle = INK;
  ctx.fillText(text, x, y);
}

// What belongs to one picture; `size` is that of the letters, in pixels of the canvas.
export function drawMarks(ctx, picture, { size, crosshair }) {
  const { box, view: { item, minus, plane, settings } } = picture;
  ctx.save();
  ctx.beginPath();
  ctx.rect(box.x, box.y, box.width, box.height);
  ctx.clip();
  if (settings.layers.grid.on && !settings.hidden) drawGrid(ctx, picture);
  if (crosshair) drawCrosshair(ctx, picture, size);
  ctx.restore();
  drawOrientation(ctx, box, plane, size);
  drawScale(ctx, picture, size);
  const shows = !settings.hidden && (minus || (settings.layers.map.on && item.levels));
  if (shows) drawColours(ctx, picture, size);
}

// Lines in an upper corner, each folded or else cut short of the letter in the middle.
export function drawTitle(ctx, { x, y, width }, lines, size, align) {
  ctx.font = `600 ${size}px system-ui, sans-serif`;
  const inset = size * 0.7;
  const most = width / 2 - 2.5 * inset;
  lines.flatMap((line) => folded(ctx, line, most)).forEach((line, i) => label(ctx, line,
    align === "left" ? x + inset : x + width - inset, y + inset + i * size * 1.25, align, "top"));
}

// What tells two titles apart stands at their end.
function folded(ctx, line, most) {
  const fits = ctx.measureText(line).width <= most;
  const [first, ...rest] = fits ? [line] : line.split(" · ");
  const lines = rest.length ? [`${first} ·`, rest.join(" · ")] : [first];
  return lines.map((text) => cut(ctx, text, most));
}

function cut(ctx, text, most) {
  if (ctx.measureText(text).width <= most) return text;
  let length = text.length;
  while (length > 1 && ctx.measureText(`${text.slice(0, length)}…`).width > most) length--;
  return `${text.slice(0, length)}…`;
}

export function drawFrame(ctx, { x, y, width, height }) {
  ctx.strokeStyle = "#4dd0e1";
  ctx.lineWidth = 2;
  ctx.strokeRect(x, y, width, height);
}

function drawOrientation(ctx, box, plane, size) {
  const { rows, columns } = plane;
  ctx.font = `700 ${size * 1.3}px system-ui, sans-serif`;
  const inset = size * 0.6;
  const [middle, centre] = [box.x + box.width / 2, box.y + box.height / 2];
  label(ctx, OPPOSITE[columns.letter], box.x + inset, centre, "left", "middle");
  label(ctx, columns.letter, box.x + box.width - inset, centre, "right", "middle");
  label(ctx, OPPOSITE[rows.letter], middle, box.y + inset, "center", "top");
  label(ctx, rows.letter, middle, box.y + box.height - inset, "center", "bottom");
}

function drawScale(ctx, { box, rect }, size) {
  const fits = BARS_MM.filter((mm) => mm * rect.perMm <= box.width / 4);
  if (!fits.length) return;
  const mm = fits[fits.length - 1];
  const [x, y] = [box.x + size * 0.7, box.y + box.height - size * 0.9];
  ctx.fillStyle = "rgba(0, 0, 0, .85)";
  ctx.fillRect(x - 2, y - size * 0.2 - 2, mm * rect.perMm + 4, size * 0.2 + 4);
  ctx.fillStyle = INK;
  ctx.fillRect(x, y - size * 0.2, mm * rect.perMm, size * 0.2);
  ctx.font = `600 ${size}px system-ui, sans-serif`;
  label(ctx, `${mm} mm`, x, y - size * 0.4, "left", "bottom");
}

function drawCrosshair(ctx, { rect, view }, size) {
  const { plane: { rows, columns }, cross } = view;
  const x = rect.x + ((turned(columns, cross[columns.axis]) + 0.5) / columns.count) * rect.width;
  const y = rect.y + ((turned(rows, cross[rows.axis]) + 0.5) / rows.count) * rect.height;
  const gap = size * 0.7;
  const path = new Path2D();
  for (const [x0, y0, x1, y1] of [[rect.x, y, x - gap, y], [x + gap, y, rect.x + rect.width, y],
    [x, rect.y, x, y - gap], [x, y + gap, x, rect.y + rect.height]]) {
    path.moveTo(x0, y0);
    path.lineTo(x1, y1);
  }
  ctx.strokeStyle = "rgba(0, 0, 0, .6)";
  ctx.lineWidth = size * 0.25;
  ctx.stroke(path);
  ctx.strokeStyle = "#4dd0e1";
  ctx.lineWidth = size * 0.1;
  ctx.stroke(path);
}

// The patches of the method's grid; its slices only, since the tower sees no other plane.
function drawGrid(ctx, { rect, view: { item, plane, settings } }) {
  if (!item.grid || !plane.native) return;
  const path = new Path2D();
  for (let i = 0; i <= item.grid; i++) {
    const [x, y] = [rect.x + (i / item.grid) * rect.width, rect.y + (i / item.grid) * rect.height];
    path.moveTo(x, rect.y);
    path.lineTo(x, rect.y + rect.height);
    path.moveTo(rect.x, y);
    path.lineTo(rect.x + rect.width, y);
  }
  ctx.globalAlpha = settings.layers.grid.opacity;
  ctx.strokeStyle = INK;
  ctx.lineWidth = settings.line * 0.5;
  ctx.stroke(path);
  ctx.globalAlpha = 1;
}

// The fixed scale of the map's declared range, with the threshold on it.
function drawColours(ctx, { box, view: { item, minus, settings } }, size) {
  const [width, height] = [size * 0.9, Math.min(box.height * 0.36, size * 14)];
  const x = box.x + box.width - size * 0.7 - width;
  const bottom = box.y + box.height - size * 1.2;
  const stops = minus ? DIVERGING : COLOUR_MAPS[settings.colourMap];
  const scale = ctx.createLinearGradient(0, bottom, 0, bottom - height);
  stops.forEach((colour, i) => scale.addColorStop(i / (stops.length - 1), colour));
  ctx.fillStyle = scale;
  ctx.fillRect(x, bottom - height, width, height);
  ctx.strokeStyle = INK;
  ctx.lineWidth = Math.max(1, size * 0.08);
  ctx.strokeRect(x, bottom - height, width, height);
  ctx.font = `600 ${size}px system-ui, sans-serif`;
  const same = minus && minus.high === item.high;
  const most = minus && !same ? 1 : item.high;
  const write = (text, share) =>
    label(ctx, text, x - size * 0.4, bottom - share * height, "right", "middle");
  write(`${minus ? "+" : ""}${+most.toPrecision(4)}${minus && !same ? " of range" : ""}`, 1);
  write(minus ? `−${+most.toPrecision(4)}` : "0", 0);
  if (minus) return write(`${MARKS[0]} − ${MARKS[1]}`, 0.5);
  const share = item.shares[item.cut];
  ctx.fillStyle = INK;
  const y = bottom - share * height;
  ctx.fillRect(x - size * 0.3, y - size * 0.08, width + size * 0.6, size * 0.16);
  const clear = Math.min(share, 1 - share) * height > size * 1.2;
  if (clear) write(`threshold ${thresholdText(item.thresholds[item.cut])}`, share);
}

export function drawDivider(ctx, { box, items }, lineWidth) {
  const x = items[1].clip.x;
  ctx.fillStyle = "#4dd0e1";
  ctx.fillRect(x - lineWidth / 2, box.y, lineWidth, box.height);
}
