// Small builders of DOM nodes, and how numbers are written.

export function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

export function range(name, label, max) {
  const input = element("input", `z-range z-${name}`);
  Object.assign(input, { type: "range", min: 0, max, step: 1 });
  input.setAttribute("aria-label", label);
  return input;
}

export function button(label, title, press) {
  const node = element("button", "z-button", label);
  node.type = "button";
  node.title = title;
  node.addEventListener("click", press);
  return node;
}

// One of several: choices are [value, label, title].
export function choiceOf(className, choices, choose) {
  const row = element("div", `z-buttons ${className}`);
  for (const [value, label, title] of choices) {
    const node = button(label, title ?? "", () => choose(value));
    node.dataset.value = value;
    row.append(node);
  }
  return row;
}

export function press(row, value) {
  for (const node of row.childNodes) {
    node.setAttribute("aria-pressed", String(node.dataset.value === value));
  }
}

export const MARKS = "①②③④"; // of the maps in a comparison; letters stand for directions

export const number = (value, digits, none = "–") =>
  (Number.isFinite(value) ? value.toFixed(digits) : none);
export const signed = (value, digits) => (Number.isFinite(value)
  ? (value < 0 ? "−" : "+") + Math.abs(value).toFixed(digits) : "–");
export const within = (value, low, high) => Math.max(low, Math.min(high, value));
