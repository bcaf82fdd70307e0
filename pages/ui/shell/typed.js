// What is typed but not yet taken up is kept in the tab, and told after a reload.

const KEPT = "zsad-typed";

// { of, texts }: texts by field, of one prompt set; null where nothing is kept.
function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT));
  } catch {
    return null;
  }
}

function write(kept) {
  if (kept && Object.keys(kept.texts).length) sessionStorage.setItem(KEPT, JSON.stringify(kept));
  else sessionStorage.removeItem(KEPT);
}

const fieldOf = (name) => document.querySelector(`[class*="st-key-${name}-"] :is(textarea, input)`);

function listen(event) {
  const { of, ...fields } = window.__zsadTyped;
  const name = Object.keys(fields).find((one) => event.target === fieldOf(one));
  if (!name) return;
  const kept = read();
  const texts = kept?.of === of ? kept.texts : {};
  write({ of, texts: { ...texts, [name]: event.target.value } });
}

// Texts of the set that Python does not know; the others need not be kept.
function unknown({ of, ...texts }) {
  const kept = read();
  if (kept?.of !== of) return {};
  const found = Object.entries(kept.texts).filter(([name, text]) => text !== texts[name]);
  write({ of, texts: Object.fromEntries(found) });
  return Object.fromEntries(found);
}

export default function ({ data, setTriggerValue }) {
  const fresh = !window.__zsadTyped;
  window.__zsadTyped = data;
  const texts = unknown(data);
  if (!fresh) return;
  document.addEventListener("input", listen, true);
  if (Object.keys(texts).length) setTriggerValue("texts", texts);
}
