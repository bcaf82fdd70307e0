// What is typed but not yet taken up is kept in the tab, and put back after a reload.

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

// As a hand would: the value, then the key that takes it up.
function type(field, text) {
  const { set } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value");
  set.call(field, text);
  field.dispatchEvent(new Event("input", { bubbles: true }));
  const key = { key: "Enter", code: "Enter", keyCode: 13, ctrlKey: true, bubbles: true };
  setTimeout(() => field.dispatchEvent(new KeyboardEvent("keydown", key)));
}

// Once a page: texts that Python does not know are typed again.
function restore({ of, ...texts }) {
  const kept = read();
  for (const [name, text] of Object.entries(kept?.of === of ? kept.texts : {})) {
    const field = fieldOf(name);
    if (field && text !== texts[name]) type(field, text);
  }
}

// What Python knows need not be kept.
function forget({ of, ...texts }) {
  const kept = read();
  if (kept?.of !== of) return;
  const unknown = Object.entries(kept.texts).filter(([name, text]) => text !== texts[name]);
  write({ of, texts: Object.fromEntries(unknown) });
}

export default function ({ data }) {
  const fresh = !window.__zsadTyped;
  window.__zsadTyped = data;
  if (!fresh) return forget(data);
  document.addEventListener("input", listen, true);
  setTimeout(() => restore(data), 300);
}
