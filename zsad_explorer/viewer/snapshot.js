// A picture file of what is seen: the stage drawn anew, finer, above its numbers and legend.

import { element } from "./elements.js";
import { drawStage, themeOf } from "./stage.js";

const ENLARGED = 2;
const SWATCHES = {
  fill: (ctx, x, y, size) => ctx.fillRect(x, y, size, size),
  line: (ctx, x, y, size) => ctx.strokeRect(x, y, size, size),
  ring: (ctx, x, y, size) => {
    ctx.fillStyle = "#000";
    ctx.fillRect(x, y, size, size);
    ctx.stroke(new Path2D(`M${x} ${y + size / 2} a1 1 0 0 0 ${size} 0 a1 1 0 0 0 ${-size} 0`));
  },
  hatch: (ctx, x, y, size) => {
    ctx.strokeRect(x, y, size, size);
    for (const part of [0.25, 0.5, 0.75]) {
      ctx.fillRect(x + part * size - ctx.lineWidth / 2, y, ctx.lineWidth, size);
    }
  },
};

export function savePicture(viewer) {
  const stage = element("canvas"), file = element("canvas");
  drawStage(viewer, stage, ENLARGED);
  drawStage(viewer); // the hand asks where pictures lie: where they are seen
  const size = 14 * ENLARGED, pad = size, line = 1.5 * size;
  const ctx = file.getContext("2d");
  const font = `${size}px ${getComputedStyle(viewer.root).fontFamily}`;
  ctx.font = font;
  const rows = wordsOf(viewer).flatMap((text) => wrapped(ctx, text, stage.width - 2 * pad));
  Object.assign(file, {
    width: stage.width, height: stage.height + 2 * pad + (rows.length + 1) * line });
  const { ground, text } = themeOf(viewer.root);
  ctx.fillStyle = ground;
  ctx.fillRect(0, 0, file.width, file.height);
  ctx.drawImage(stage, 0, 0);
  Object.assign(ctx, { font, textBaseline: "middle", lineWidth: size / 8 });
  drawSwatches(ctx, viewer, pad, stage.height + pad, size, text);
  ctx.fillStyle = text;
  rows.forEach((row, i) => ctx.fillText(row, pad, stage.height + pad + (i + 1.5) * line));
  file.toBlob((blob) => download(blob, `${nameOf(viewer)}.png`));
}

function drawSwatches(ctx, { side }, pad, top, size, text) {
  let x = pad;
  const hidden = side.legendGroup.box.hidden;
  for (const swatch of hidden ? [] : side.legend.querySelectorAll(".z-swatch")) {
    const kind = Object.keys(SWATCHES).find((name) => swatch.classList.contains(`z-${name}`));
    if (!kind) continue;
    ctx.fillStyle = ctx.strokeStyle = swatch.style.getPropertyValue("--z-colour");
    SWATCHES[kind](ctx, x, top + size / 4, size);
    const name = swatch.nextSibling.textContent;
    ctx.fillStyle = text;
    ctx.fillText(name, x + 1.5 * size, top + 0.75 * size);
    x += ctx.measureText(name).width + 3.5 * size;
  }
}

// What stands round the picture, and what Python says of how it was made.
function wordsOf({ header, side, state, data }) {
  const numbers = [...header.querySelectorAll(".z-cell")].map(({ childNodes: [name, value] }) =>
    `${name.textContent} ${value.textContent}`);
  const { thresholdGroup, others } = side;
  const threshold = thresholdGroup.box.hidden ? []
    : [thresholdGroup.head.textContent, others.textContent].filter(Boolean);
  const window = `window ${Math.round(state.low)} to ${Math.round(state.high)} of 0 to 255`;
  return [
    [data.title, ...numbers].join(" · "),
    [...threshold, window, `${state.convention} convention`].join(" · "),
    data.note, data.made,
  ].filter(Boolean);
}

function wrapped(ctx, text, width) {
  const rows = [""];
  for (const word of text.split(" ")) {
    const longer = rows.at(-1) ? `${rows.at(-1)} ${word}` : word;
    if (ctx.measureText(longer).width <= width) rows[rows.length - 1] = longer;
    else rows.push(word);
  }
  return rows;
}

function nameOf({ data, state }) {
  const name = `${data.title}_${state.plane}-${state.cross[0] + 1}`;
  return name.replace(/[^\w.-]+/g, "-") || "picture";
}

function download(blob, name) {
  const link = element("a");
  Object.assign(link, { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
