// What is typed but not yet taken up is kept in the tab. It is told after a reload, and where the
// editor is drawn anew: a page that is left at once may leave without its last message.

const KEPT = "zsad-typed";

function write(of, texts) {
  if (Object.keys(texts).length) sessionStorage.setItem(KEPT, JSON.stringify({ of, texts }));
  else sessionStorage.removeItem(KEPT);
}

// Of a prompt set, { text, over } by field: what was typed, and what the field held before. A text
// is kept while Python still knows that one: once it knows the text, or something else than typing
// made the field, there is nothing to tell.
function waiting({ of, ...held }) {
  let kept = null;
  try {
    kept = JSON.parse(sessionStorage.getItem(KEPT));
  } catch {
    // nothing of ours
  }
  const texts = Object.entries(kept?.of === of ? kept.texts : {});
  return Object.fromEntries(
    texts.filter(([name, { text, over }]) => over === held[name] && text !== over),
  );
}

const fieldOf = (name) => document.querySelector(`[class*="st-key-${name}-"] :is(textarea, input)`);

function listen(event) {
  const { data } = window.__zsadTyped;
  const name = Object.keys(data).find((one) => one !== "of" && event.target === fieldOf(one));
  if (!name) return;
  write(data.of, { ...waiting(data), [name]: { text: event.target.value, over: data[name] } });
}

export default function ({ data, parentElement, setTriggerValue }) {
  const last = window.__zsadTyped;
  window.__zsadTyped = { data, drawn: parentElement };
  const texts = waiting(data);
  write(data.of, texts);
  if (!last) document.addEventListener("input", listen, true);
  if (last?.drawn === parentElement || !Object.keys(texts).length) return;
  setTriggerValue(
    "texts",
    Object.fromEntries(Object.entries(texts).map(([name, { text }]) => [name, text])),
  );
}
