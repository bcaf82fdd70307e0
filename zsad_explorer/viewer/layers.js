// What is shown: stacks and maps as far as their payloads have come. An item is a map over its
// stack.

import {
  countVolume, countsAt, histograms, openTable, openVolume, oracleCut, tally,
} from "./counts.js";
import { registry } from "./registry.js";
import { sharesOf } from "./thresholds.js";

// The stack of a hash, from those known or opened anew; null before its first part is there.
export function volumeOf(hash, known, data) {
  const payload = registry.payloads.get(hash);
  const volume = known.find((one) => one?.hash === hash) ??
    (payload?.have.size ? { ...openVolume(payload, data), hash, payload } : null);
  if (volume) countVolume(volume, volume.payload);
  return volume;
}

// `before` is the item that stood there: what it has counted stays where nothing changed.
export function itemOf(wanted, before, main, data) {
  const volume = wanted.volume ? volumeOf(wanted.volume, [main, before?.volume], data) : main;
  const same = before?.hash === wanted.hash && before.volume === volume;
  const payload = same && before.payload ? before.payload : registry.payloads.get(wanted.hash);
  const item = { ...wanted, id: `${wanted.hash} ${volume?.hash}`, volume: volume ?? main, payload,
    shares: sharesOf(wanted), levels: volume && payload?.have.size ? payload.arrays[0] : null,
    counts: null, counted: "" };
  if (item.levels) count(item, same ? before : null, data);
  item.whole = wanted.whole && isWhole(item) && isWhole(item.volume);
  item.version = item.volume.counted.size + (item.table?.counted.size ?? 0);
  return item;
}

function count(item, before, { brainOnly }) {
  const { volume, levels, payload } = item;
  item.table = before?.table?.brainOnly === brainOnly ? before.table
    : openTable(volume.slices, brainOnly);
  const grown = tally(volume, levels, payload, item.table);
  const same = !grown && before?.table === item.table;
  item.bins = same ? before.bins : histograms(volume, item.table);
  if (same) {
    const { counts, counted, oracle, cut } = before;
    Object.assign(item, { counts, counted, oracle, cut });
  }
}

// The mask's counts at the item's threshold; made again only when something changed.
function countItem(item, cut, { brainOnly, smallest }) {
  const wanted = `${cut} ${brainOnly} ${smallest}`;
  if (!item.levels || item.counted === wanted) return;
  item.cut = cut;
  item.counts = countsAt(item.volume, item, cut, { brainOnly, smallest });
  item.counted = wanted;
}

// The first map stands at the threshold; the others at the same share of their ranges, or each at
// its own best one.
export function countItems({ items, state: { cut, others }, data }) {
  items.forEach((item, i) => {
    const own = i > 0 && others === "oracle" ? oracleOf(item) : null;
    countItem(item, own ?? cut, data);
  });
}

// The cut with the best Dice; null where the map is not whole or there is no lesion.
export function oracleOf(item) {
  if (!item.whole || !item.levels || !item.volume.hasTruth) return null;
  if (item.oracle === undefined) item.oracle = oracleCut(item.volume, item.table);
  return item.oracle;
}

export function isHere(payload, k) {
  return Boolean(payload?.have.has(k));
}

export function isWhole({ payload }) {
  return !payload || payload.have.size === payload.header.shape[0];
}
