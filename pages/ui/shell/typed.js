// What is typed but not yet taken up is kept in the tab. It is told after a reload, and where the
// editor is drawn anew: a page that is left at once may leave without its last message.

const KEPT = "zsad-typed";

// { of, made, texts }: texts by field, of one prompt set, typed since something else than typing
// made the fields; null where nothing is kept.
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
  const { of, made, ...fields } = window.__zsadTyped.data;
  const name = Object.keys(fields).find((one) => event.target === fieldOf(one));
  if (!name) return;
  const kept = read();
  const texts = kept?.of === of && kept.made === made ? kept.texts : {};
  write({ of, made, texts: { ...texts, [name]: event.target.value } });
}

// Texts of the set that Python does not know; the others need not be kept. A reload begins to
// count anew what made the fields.
function unknown({ of, made, ...texts }, reloaded) {
  const kept = read();
  if (kept?.of !== of || !(reloaded || kept.made === made)) return {};
  const found = Object.entries(kept.texts).filter(([name, text]) => text !== texts[name]);
  write({ of, made, texts: Object.fromEntries(found) });
  return Object.fromEntries(found);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const last = window.__zsadTyped;
  window.__zsadTyped = { data, drawn: parentElement };
  const texts = unknown(data, !last);
  if (!last) document.addEventListener("input", listen, true);
  if (last?.drawn !== parentElement && Object.keys(texts).length) setTriggerValue("texts", texts);
}
