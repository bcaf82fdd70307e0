// A picture of one plane of one item (a stack, and a map over it): pixels, layers, outlines.

import { blendDifference, blendLayers, blendRings } from "./blend.js";
import { FN, FP, IN_PREDICTED, IN_TRUTH, NONE, TP } from "./classes.js";
import { within } from "./elements.js";
import { BRAIN, TRUTH } from "./flags.js";
import { gatherPlane, placed, turned } from "./planes.js";

const only = (kind) => [NONE, TP, FP, FN].map((each) => Number(each === kind));

export class PlanePicture {
  constructor() {
    this.buffer = document.createElement("canvas");
    this.rect = null;
    this.composed = "";
  }

  // view: { item, minus, plane, cross, settings }; nothing is drawn outside `clip`.
  paint(ctx, box, view, clip = box) {
    Object.assign(this, { view, box, clip });
    const { plane, settings } = view;
    this.rect = placed(plane, box, settings.zoom, settings.centre);
    this.compose(view);
    const { x, y, width, height } = this.rect;
    ctx.save();
    ctx.beginPath();
    ctx.rect(clip.x, clip.y, clip.width, clip.height);
    ctx.clip();
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(this.buffer, x, y, width, height);
    if (!settings.hidden && !view.minus) this.outlines(ctx, view);
    ctx.restore();
  }

  size({ plane: { rows, columns } }) {
    if (this.pixels?.height === rows.count && this.pixels.width === columns.count) return;
    this.buffer.height = rows.count;
    this.buffer.width = columns.count;
    this.pixels = new ImageData(columns.count, rows.count);
    this.greys = new Uint32Array(this.pixels.data.buffer);
    for (const name of ["image", "flags", "levels", "other", "mask", "classes"]) {
      this[name] = new Uint8Array(rows.count * columns.count);
    }
  }

  // Made again only where something that it shows has changed.
  compose(view) {
    const { item, minus, plane, cross, settings } = view;
    const { low, high, layers, palette, colourMap, hidden, brainOnly, smallest } = settings;
    const wanted = JSON.stringify([item.id, item.version, minus?.id, minus?.version, plane.name,
      plane.convention, cross[plane.normal.axis], low, high, layers, palette, colourMap, hidden,
      item.cut, brainOnly, smallest]);
    if (wanted === this.composed) return;
    this.composed = wanted;
    this.size(view);
    const gather = (source, out) => gatherPlane(source, plane, cross, out);
    gather(item.volume.image, this.image);
    gather(item.volume.flags, this.flags);
    if (item.levels) gather(item.levels, this.levels);
    this.drawGreys(low, high);
    this.classify(item, settings, gather);
    if (!hidden && minus) {
      gather(minus.levels, this.other);
      blendDifference(this, view, settings);
    } else if (!hidden) blendLayers(this, item, settings);
    const ringed = !hidden && !minus && layers.classes.on && item.levels;
    this.missed = ringed ? blendRings(this, settings.ring) : 0;
    this.buffer.getContext("2d").putImageData(this.pixels, 0, 0);
  }

  drawGreys(low, high) {
    const table = new Uint32Array(256);
    for (let v = 0; v < 256; v++) {
      const grey = within(Math.round(((v - low) * 255) / Math.max(1, high - low)), 0, 255);
      table[v] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
    }
    for (let i = 0; i < this.image.length; i++) this.greys[i] = table[this.image[i]];
  }

  classify(item, { brainOnly }, gather) {
    const { cut } = item;
    const { flags, levels, mask, classes } = this;
    const cleaned = item.counts?.mask;
    if (cleaned) gather(cleaned, mask);
    for (let i = 0; i < classes.length; i++) {
      const flag = flags[i];
      const predicted = cleaned ? mask[i]
        : item.levels && levels[i] >= cut && (!brainOnly || flag & BRAIN);
      classes[i] = predicted ? (flag & TRUTH ? TP : FP) : flag & TRUTH ? FN : NONE;
    }
  }

  outlines(ctx, { item, settings }) {
    const { layers, line, colours } = settings;
    const { hasTruth } = item.volume;
    if (layers.outline.on && hasTruth) {
      this.outline(ctx, IN_TRUTH, colours.tp.colour, line, layers.outline.opacity);
    }
    if (layers.predicted.on && item.levels) {
      const { colour } = hasTruth ? colours.fp : colours.only;
      this.outline(ctx, IN_PREDICTED, colour, line,
        Math.min(1, 2 * layers.predicted.opacity));
    }
    if (!layers.classes.on || !item.levels || !hasTruth) return;
    for (const [kind, { colour, cue }] of [[TP, colours.tp], [FP, colours.fp], [FN, colours.fn]]) {
      if (cue === "line") this.outline(ctx, only(kind), colour, line, 1);
    }
  }

  // Pixel edges between inside and outside, so the line shows exactly what is counted.
  outline(ctx, members, colour, lineWidth, opacity) {
    const { classes } = this;
    const { height, width } = this.buffer;
    const { x, y } = this.rect;
    const sx = this.rect.width / width;
    const sy = this.rect.height / height;
    const path = new Path2D();
    const line = (c0, r0, c1, r1) => {
      path.moveTo(x + c0 * sx, y + r0 * sy);
      path.lineTo(x + c1 * sx, y + r1 * sy);
    };
    for (let row = 0, i = 0; row < height; row++) {
      for (let column = 0; column < width; column++, i++) {
        if (!members[classes[i]]) continue;
        if (row === 0 || !members[classes[i - width]]) line(column, row, column + 1, row);
        if (row === height - 1 || !members[classes[i + width]]) {
          line(column, row + 1, column + 1, row + 1);
        }
        if (column === 0 || !members[classes[i - 1]]) line(column, row, column, row + 1);
        if (column === width - 1 || !members[classes[i + 1]]) {
          line(column + 1, row, column + 1, row + 1);
        }
      }
    }
    ctx.globalAlpha = opacity;
    ctx.lineCap = "square";
    ctx.strokeStyle = colour;
    ctx.lineWidth = lineWidth;
    ctx.stroke(path);
    ctx.globalAlpha = 1;
  }

  holds(px, py) {
    const { x, y, width, height } = this.clip;
    return px >= x && py >= y && px < x + width && py < y + height;
  }

  // Canvas point to the position (S, H, W) in the stack, with parts of a voxel.
  position(px, py) {
    const { plane, cross } = this.view;
    const at = cross.map((voxel) => voxel + 0.5);
    const { x, y, width, height } = this.rect;
    const { rows, columns } = plane;
    at[columns.axis] = turned(columns, ((px - x) / width) * columns.count, true);
    at[rows.axis] = turned(rows, ((py - y) / height) * rows.count, true);
    return at;
  }

  // Canvas point to { at (S, H, W), kind }; null outside the picture.
  pick(px, py) {
    if (!this.rect || !this.holds(px, py)) return null;
    const { rows, columns } = this.view.plane;
    const at = this.position(px, py).map(Math.floor);
    if ([rows, columns].some(({ axis, count }) => at[axis] < 0 || at[axis] >= count)) return null;
    const i = turned(rows, at[rows.axis]) * columns.count + turned(columns, at[columns.axis]);
    return { at, kind: this.classes[i] };
  }
}
