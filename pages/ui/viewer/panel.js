// Drawing of one plane of one map into a rectangle. Reads settings, keeps no state of the viewer.

const PALETTES = {
  classic: { tp: "#2ECC40", fp: "#FF4136", fn: "#2E86FF", only: "#FFC107", cue: false },
  safe: { tp: "#009E73", fp: "#CC79A7", fn: "#56B4E9", only: "#F0E442", cue: true },
};
const COLOUR_STOPS = {
  inferno: ["#000004", "#1b0c41", "#4a0c6b", "#781c6d", "#a52c60", "#cf4446", "#ed6925", "#fb9b06",
    "#f7d13d", "#fcffa4"],
  viridis: ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30",
    "#fde725"],
  grey: ["#000000", "#ffffff"],
};

function rgb(hex) {
  const n = parseInt(hex.slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}

const colourTables = new Map();
function colourTable(name) {
  if (!colourTables.has(name)) {
    const stops = (COLOUR_STOPS[name] ?? COLOUR_STOPS.inferno).map(rgb);
    const table = new Uint8Array(768);
    for (let v = 0; v < 256; v++) {
      const at = (v / 255) * (stops.length - 1);
      const i = Math.min(Math.floor(at), stops.length - 2);
      for (let c = 0; c < 3; c++) {
        table[3 * v + c] = Math.round(stops[i][c] + (at - i) * (stops[i + 1][c] - stops[i][c]));
      }
    }
    colourTables.set(name, table);
  }
  return colourTables.get(name);
}

// 0 none, 1 TP, 2 FP, 3 FN
function classify(volume, map, k, { threshold, brainOnly }, out) {
  const area = volume.height * volume.width;
  const start = k * area;
  const levels = map?.levels;
  const kept = map?.counts.kept;
  for (let i = 0; i < area; i++) {
    const flag = volume.flags[start + i];
    const predicted = kept ? kept[start + i]
      : levels && levels[start + i] >= threshold && (!brainOnly || flag & BRAIN);
    const truth = flag & TRUTH;
    out[i] = predicted ? (truth ? 1 : 2) : truth ? 3 : 0;
  }
}

class Panel {
  constructor() {
    this.buffer = document.createElement("canvas");
    this.rect = null;
  }

  // view: { volume, map, title, k, settings }
  paint(ctx, box, view, scale) {
    const { volume, settings } = view;
    this.view = view;
    this.place(box, volume, settings.pixelMm);
    this.compose(view);
    const { x, y, width, height } = this.rect;
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(this.buffer, x, y, width, height);
    if (!settings.hidden) this.strokes(ctx, view, scale);
    this.letters(ctx, box, scale);
    if (view.title) this.caption(ctx, box, view.title, scale);
  }

  place(box, volume, [rowMm, columnMm]) {
    const wide = volume.width * columnMm;
    const high = volume.height * rowMm;
    const fit = Math.min(box.width / wide, box.height / high);
    const width = Math.floor(wide * fit);
    const height = Math.floor(high * fit);
    this.rect = {
      x: box.x + Math.floor((box.width - width) / 2),
      y: box.y + Math.floor((box.height - height) / 2),
      width, height,
    };
  }

  compose({ volume, map, k, settings }) {
    const { height, width } = volume;
    const area = height * width;
    if (this.buffer.width !== width || this.buffer.height !== height || !this.pixels) {
      this.buffer.width = width;
      this.buffer.height = height;
      this.pixels = new ImageData(width, height);
      this.classes = new Uint8Array(area);
    }
    const data = this.pixels.data;
    const image = volume.image;
    for (let i = 0, p = k * area; i < area; i++, p++) {
      const j = 4 * i;
      data[j] = data[j + 1] = data[j + 2] = image[p];
      data[j + 3] = 255;
    }
    classify(volume, map, k, settings, this.classes);
    if (map && !settings.hidden && settings.mode === "heat") this.blendHeat(volume, map, k, settings);
    if (map && !settings.hidden && settings.mode === "classes") this.blendClasses(volume, settings);
    this.buffer.getContext("2d").putImageData(this.pixels, 0, 0);
  }

  // Weak evidence is more transparent; the scale is the declared range, never the slice's own.
  blendHeat(volume, map, k, { opacity, colourMap, brainOnly }) {
    const table = colourTable(colourMap);
    const data = this.pixels.data;
    const area = volume.height * volume.width;
    for (let i = 0, p = k * area; i < area; i++, p++) {
      if (brainOnly && !(volume.flags[p] & BRAIN)) continue;
      const level = map.levels[p];
      const a = opacity * Math.min(1, 0.2 + level / 160);
      const j = 4 * i;
      for (let c = 0; c < 3; c++) data[j + c] += a * (table[3 * level + c] - data[j + c]);
    }
  }

  blendClasses(volume, { opacity, palette }) {
    const colours = PALETTES[palette];
    const fills = [null, rgb(colours.tp), rgb(volume.hasTruth ? colours.fp : colours.only),
      rgb(colours.fn)];
    const data = this.pixels.data;
    const { classes } = this;
    for (let i = 0; i < classes.length; i++) {
      const kind = classes[i];
      if (!kind) continue;
      let a = opacity;
      if (colours.cue && kind === 3) continue;
      if (colours.cue && kind === 2 && volume.hasTruth) {
        const column = i % volume.width;
        const row = (i - column) / volume.width;
        a = (column + row) % 4 < 2 ? Math.min(1, opacity * 1.5) : opacity * 0.25;
      }
      const j = 4 * i;
      const fill = fills[kind];
      for (let c = 0; c < 3; c++) data[j + c] += a * (fill[c] - data[j + c]);
    }
  }

  strokes(ctx, { volume, map, settings }, scale) {
    const colours = PALETTES[settings.palette];
    const truth = (kind) => kind === 1 || kind === 3;
    const predicted = (kind) => kind === 1 || kind === 2;
    const single = volume.hasTruth ? colours.fp : colours.only;
    if (settings.mode === "none") return;
    if (settings.mode === "classes" && map) {
      if (colours.cue && volume.hasTruth) {
        this.contour(ctx, volume, (kind) => kind === 3, colours.fn, 1.5 * scale);
      }
      return;
    }
    const thin = settings.mode === "heat" ? 1.25 : 1.75;
    if (volume.hasTruth) this.contour(ctx, volume, truth, colours.tp, thin * scale);
    if (map) this.contour(ctx, volume, predicted, single, thin * scale);
  }

  // Pixel edges between inside and outside, so the line shows exactly what is counted.
  contour(ctx, volume, inside, colour, lineWidth) {
    const { height, width } = volume;
    const { x, y } = this.rect;
    const sx = this.rect.width / width;
    const sy = this.rect.height / height;
    const path = new Path2D();
    const at = (row, column) =>
      row >= 0 && column >= 0 && row < height && column < width
        ? inside(this.classes[row * width + column]) : false;
    const line = (c0, r0, c1, r1) => {
      path.moveTo(x + c0 * sx, y + r0 * sy);
      path.lineTo(x + c1 * sx, y + r1 * sy);
    };
    for (let row = 0; row <= height; row++) {
      for (let column = 0; column <= width; column++) {
        const here = at(row, column);
        if (here !== at(row - 1, column)) line(column, row, column + 1, row);
        if (here !== at(row, column - 1)) line(column, row, column, row + 1);
      }
    }
    ctx.lineCap = "square";
    ctx.strokeStyle = colour;
    ctx.lineWidth = lineWidth;
    ctx.stroke(path);
  }

  letters(ctx, box, scale) {
    ctx.font = `600 ${13 * scale}px system-ui, sans-serif`;
    ctx.fillStyle = "#9fb3c8";
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    const { x, y, width, height } = this.rect;
    const inset = 11 * scale;
    const left = Math.max(box.x + inset, x - inset);
    const right = Math.min(box.x + box.width - inset, x + width + inset);
    ctx.fillText("R", left, y + height / 2);
    ctx.fillText("L", right, y + height / 2);
    ctx.fillText("A", x + width / 2, y + inset);
    ctx.fillText("P", x + width / 2, y + height - inset);
  }

  caption(ctx, box, title, scale) {
    ctx.font = `${12 * scale}px system-ui, sans-serif`;
    ctx.fillStyle = "#c9d6e2";
    ctx.textAlign = "left";
    ctx.textBaseline = "top";
    ctx.fillText(title, box.x + 8 * scale, box.y + 8 * scale, box.width - 16 * scale);
  }

  // Canvas point to pixel; null outside the picture.
  pick(px, py) {
    if (!this.rect || !this.view) return null;
    const { volume } = this.view;
    const column = Math.floor(((px - this.rect.x) / this.rect.width) * volume.width);
    const row = Math.floor(((py - this.rect.y) / this.rect.height) * volume.height);
    if (row < 0 || column < 0 || row >= volume.height || column >= volume.width) return null;
    return { row, column, kind: this.classes[row * volume.width + column] };
  }
}
