// The canvas: every picture where the layout puts it, with its marks.

import { classesOf } from "./colours.js";
import { cells } from "./layout.js";
import { drawDivider, drawFrame, drawMarks, drawTitle } from "./overlays.js";
import { PlanePicture } from "./panel.js";
import { turned } from "./planes.js";
import { frame } from "./view.js";

export function drawStage(viewer, canvas = viewer.canvas, scale = window.devicePixelRatio || 1) {
  const { stage, state, data, held, pictures } = viewer;
  const width = Math.round(stage.clientWidth * scale);
  const height = Math.round(stage.clientHeight * scale);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const ctx = canvas.getContext("2d");
  const shown = cells(viewer, width, height);
  frame(viewer, shown);
  ctx.fillStyle = "#000";
  ctx.fillRect(0, 0, width, height);
  const size = viewer.size * scale;
  const settings = { ...state, hidden: held.hidden, brainOnly: data.brainOnly,
    smallest: data.smallest, ring: data.ring, colours: classesOf(data, state.palette),
    line: Math.max(1.5 * scale, size / 8) };
  let used = 0;
  for (const cell of shown) {
    const drawn = cell.items.map(({ item, minus, clip }) => {
      const picture = (pictures[used++] ??= new PlanePicture());
      const view = { item, minus, plane: cell.plane, cross: state.cross, settings };
      picture.paint(ctx, cell.box, view, clip);
      return picture;
    });
    if (drawn.length > 1) drawDivider(ctx, cell, settings.line);
    const letters = Math.max(10 * scale, Math.min(size, cell.box.width / 20, cell.box.height / 12));
    drawMarks(ctx, drawn[0], { size: letters, crosshair: viewer.crosshair() });
    cell.items.forEach(({ lines }, i) =>
      drawTitle(ctx, cell.box, captionOf(viewer, cell, lines), letters, i ? "right" : "left"));
    if (state.layout === "three" && cell.plane.name === state.plane) drawFrame(ctx, cell.box);
  }
  pictures.length = used;
}

function captionOf({ state }, { plane, first }, lines) {
  const { normal } = plane;
  const named = state.layout === "one" && plane.native ? []
    : [`${plane.name} ${turned(normal, state.cross[normal.axis]) + 1} / ${normal.count}`];
  return first ? [...lines, ...named] : named;
}

export function themeOf(root) {
  const style = getComputedStyle(root);
  const value = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  return {
    text: value("--st-text-color", "#e6edf3"), muted: value("--z-muted", "#8b98a5"),
    faint: "rgba(127,140,155,.18)", line: "rgba(127,140,155,.35)",
    primary: value("--st-primary-color", "#0072B2"),
    ground: value("--st-background-color", "#0e1117"),
  };
}
