// The depth strip (Dice and lesion area per slice) and the histogram behind the threshold handle.

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

function indexAt(x, count, width) {
  const at = Math.round(((x - THUMB / 2) / (width - THUMB)) * (count - 1));
  return Math.max(0, Math.min(count - 1, at));
}

// series: { area (S), areaColour, curves: [{ values (S), colour, dashed }], empty (S), k, hover }
function drawStrip(canvas, series, theme) {
  const ctx = ready(canvas);
  const width = canvas.clientWidth;
  const top = 14;
  const bottom = canvas.clientHeight - 14;
  const count = series.area.length;
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
  const most = Math.max(1, ...series.area);
  ctx.fillStyle = series.areaColour;
  ctx.globalAlpha = 0.6;
  for (let k = 0; k < count; k++) {
    const h = (series.area[k] / most) * (bottom - top) * 0.9;
    if (h > 0) ctx.fillRect(x(k) - bar * 0.42, bottom - h, Math.max(1, bar * 0.84), h);
  }
  ctx.globalAlpha = 1;
  for (const curve of series.curves) drawCurve(ctx, curve, x, y, theme.ground);

  ctx.strokeStyle = theme.text;
  ctx.lineWidth = 2;
  ctx.beginPath();
  ctx.moveTo(x(series.k), top - 4);
  ctx.lineTo(x(series.k), bottom + 2);
  ctx.stroke();
  drawStripText(ctx, series, theme, { width, height: canvas.clientHeight, x, top });
}

// A halo in the ground colour keeps the line readable over the bars.
function drawCurve(ctx, { values, colour, dashed }, x, y, ground) {
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
  ctx.setLineDash(dashed ? [4, 4] : []);
  ctx.stroke(path);
  ctx.setLineDash([]);
}

function drawStripText(ctx, series, theme, { width, height, x, top }) {
  ctx.font = "11px system-ui, sans-serif";
  ctx.fillStyle = theme.muted;
  ctx.textBaseline = "top";
  ctx.textAlign = "left";
  ctx.fillText(series.caption, 2, 0);
  ctx.textBaseline = "bottom";
  ctx.fillText("1 inferior", 2, height);
  ctx.textAlign = "right";
  ctx.fillText(`${series.area.length} superior`, width - 2, height);
  if (series.hover === null) return;
  ctx.strokeStyle = theme.muted;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(x(series.hover), top);
  ctx.lineTo(x(series.hover), height - 14);
  ctx.stroke();
  ctx.fillStyle = theme.text;
  ctx.textAlign = "right";
  ctx.textBaseline = "top";
  ctx.fillText(series.hoverText, width - 2, 0);
}

// Square-root height, each group scaled to its own peak, so that a small lesion still shows.
function drawHistogram(canvas, { healthy, lesion }, threshold, colours) {
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
  ctx.fillRect(across(threshold, 256, width) - 1, 0, 2, height);
}
