// Which pictures stand where on the canvas: planes, items side by side, swiped, blinking, or apart.

import { MARKS } from "./elements.js";
import { PLANES, nativePlane } from "./planes.js";

export const COMPARES = [
  ["side", "Side by side", "every map beside the others, view locked"],
  ["swipe", "Swipe", "the first left of the line, the second right of it; drag to move it"],
  ["blink", "Blink", "the first and the second in turns; hold b for the second in any view"],
  ["difference", "Difference", "the first minus the second"],
];
const GAP = 2;

// [{ items: [{ item, minus, lines, clip }], plane, box, first }]; two items in one box are swiped.
export function cells(viewer, width, height) {
  const { state, volume } = viewer;
  const native = nativePlane(volume);
  const planes = state.layout === "one" ? [state.plane]
    : [native, ...Object.keys(PLANES).filter((name) => name !== native)];
  const shown = shownItems(viewer);
  const boxes = boxesOf(shown.length, planes.length, width, height);
  return boxes.map(({ box, item, plane }) => {
    const layered = shown[item];
    return { box, plane: viewer.plane(planes[plane]), first: plane === 0,
      items: layered.map((each, i) =>
        ({ ...each, clip: clipOf(box, i, layered.length, state.swipe) })) };
  });
}

function shownItems({ state, items, held, blinking }) {
  const shown = (index) => ({ item: items[index], minus: null, lines: [titleOf(items, index)] });
  if (items.length < 2) return [[shown(0)]];
  const other = state.against;
  if (held.swapped) return [[shown(other)]];
  if (state.compare === "swipe") return [[shown(0), shown(other)]];
  if (state.compare === "blink") return [[shown(blinking ? other : 0)]];
  const both = items[0].levels && items[other].levels;
  if (state.compare === "difference" && both) {
    const lines = [titleOf(items, 0), `minus ${titleOf(items, other)}`];
    return [[{ item: items[0], minus: items[other], lines }]];
  }
  return items.map((_, index) => [shown(index)]);
}

function titleOf(items, index) {
  const name = items[index].title;
  return items.length > 1 ? `${MARKS[index]}  ${name}` : name;
}

// One picture: the whole canvas. Three planes: the stack's own large. More items: a grid of them.
function boxesOf(items, planes, width, height) {
  if (planes === 3 && items === 1) {
    const left = Math.round(width * 0.6);
    const half = Math.round(height / 2);
    const right = width - left;
    return [[0, 0, left, height], [left, 0, right, half], [left, half, right, height - half]].map(
      ([x, y, w, h], plane) => ({ item: 0, plane, box: inner(x, y, w, h) }));
  }
  const columns = planes === 3 ? 3 : items === 4 ? 2 : items;
  const count = items * planes;
  const rows = Math.ceil(count / columns);
  return Array.from({ length: count }, (_, i) => {
    const [x0, x1] = [0, 1].map((j) => Math.round((((i % columns) + j) * width) / columns));
    const [y0, y1] = [0, 1].map((j) => Math.round(((Math.floor(i / columns) + j) * height) / rows));
    const [item, plane] = planes === 3 ? [Math.floor(i / 3), i % 3] : [i, 0];
    const whole = { x: 0, y: 0, width, height };
    return { item, plane, box: count === 1 ? whole : inner(x0, y0, x1 - x0, y1 - y0) };
  });
}

const inner = (x, y, width, height) =>
  ({ x: x + GAP, y: y + GAP, width: width - 2 * GAP, height: height - 2 * GAP });

function clipOf(box, index, count, swipe) {
  if (count === 1) return box;
  const at = Math.round(box.width * swipe);
  return index === 0 ? { ...box, width: at } : { ...box, x: box.x + at, width: box.width - at };
}
