// What is shown: stacks and maps as far as their blobs have come. An item is a map over its stack.

const registry = (window.__zsad ??= { blobs: new Map(), holders: new Map(), listeners: new Set() });

// The stack of a hash, from those known or opened anew; null before its first part is there.
function volumeOf(hash, known, data) {
  const blob = registry.blobs.get(hash);
  const volume = known.find((one) => one?.hash === hash) ??
    (blob?.have.size ? { ...openVolume(blob, data), hash, blob } : null);
  if (volume) countVolume(volume, volume.blob);
  return volume;
}

// `before` is the item that stood there: what it has counted is kept where nothing changed.
function itemOf(wanted, before, main, data) {
  const volume = wanted.volume ? volumeOf(wanted.volume, [main, before?.volume], data) : main;
  const same = before?.hash === wanted.hash && before.volume === volume;
  const blob = same && before.blob ? before.blob : registry.blobs.get(wanted.hash);
  const item = { ...wanted, id: `${wanted.hash} ${volume?.hash}`, volume: volume ?? main, blob,
    shares: sharesOf(wanted), levels: volume && blob?.have.size ? blob.arrays[0] : null,
    counts: null, counted: "" };
  if (item.levels) count(item, same ? before : null, data);
  item.whole = wanted.whole && isWhole(item) && isWhole(item.volume);
  item.version = item.volume.counted.size + (item.table?.counted.size ?? 0);
  return item;
}

function count(item, before, { brainOnly }) {
  const { volume, levels, blob } = item;
  item.table = before?.table?.brainOnly === brainOnly ? before.table
    : openTable(volume.slices, brainOnly);
  const grown = tally(volume, levels, blob, item.table);
  const kept = !grown && before?.table === item.table;
  item.bins = kept ? before.bins : histograms(volume, item.table);
  if (kept) {
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
function countItems({ items, state: { cut, others }, data }) {
  items.forEach((item, i) => {
    const own = i > 0 && others === "oracle" ? oracleOf(item) : null;
    countItem(item, own ?? cut, data);
  });
}

// The cut with the best Dice; null where the map is not whole or there is no lesion.
function oracleOf(item) {
  if (!item.whole || !item.levels || !item.volume.hasTruth) return null;
  if (item.oracle === undefined) item.oracle = oracleCut(item.volume, item.table);
  return item.oracle;
}

function isHere(blob, k) {
  return Boolean(blob?.have.has(k));
}

function isWhole({ blob }) {
  return !blob || blob.have.size === blob.header.shape[0];
}
