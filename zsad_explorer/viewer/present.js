// A case on a page of its own: heading, note and foot round the picture, and keys that turn pages,
// such as those of a clicker. The picture's keys are those that are left over.

import { button, element, within } from "./elements.js";
import { pressKey } from "./keys.js";

const TURNS = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1,
  Home: -Infinity, End: Infinity };
const PICTURE_KEYS = ["ArrowUp", "ArrowDown", "n", "p", "w", "m", "o", "x", "+", "=", "-"];
const ASK_AGAIN_MS = 1000; // for the first time, then twice as long each time
const BURST_MS = 250; // turns closer together than this are one, to where the last one leads
const HINT = "← → cases   7 Enter case 7   ↑ ↓ wheel slices   n p lesions   w worst   m layers   "
  + "o hides colours   f full screen   Esc leaves";

export class Present {
  constructor(viewer) {
    this.viewer = viewer;
    this.shown = null;
    this.wanted = null;
    this.typed = "";
    this.turned = -Infinity;
    this.head = element("div", "z-case");
    this.title = element("h1", "z-case-title");
    this.count = element("span");
    this.line = element("div", "z-case-line");
    const count = element("div", "z-case-count");
    count.append(button("‹", "the case before", () => this.turn(-1)), this.count,
      button("›", "the next case", () => this.turn(1)));
    this.head.append(this.title, count, this.line);
    this.note = element("div", "z-case-note");
    this.foot = element("div", "z-case-foot");
    this.onKey = (event) => this.press(event);
    this.onScreen = () => this.screenChanged();
    this.stop();
  }

  // What Python sends; null where nothing is presented.
  take(shown, tell) {
    const before = this.shown;
    Object.assign(this, { shown, tell });
    if (!shown) return;
    if (!before) this.start();
    if (shown.number === this.wanted) this.wanted = null;
    if (this.wanted === null) clearTimeout(this.asking);
    this.fill(shown);
    if (shown.key === before?.key) return;
    Object.assign(this.viewer.state,
      { layout: "one", compare: "side", frame: "brain", low: 0, high: 255 });
  }

  start() {
    this.viewer.root.classList.add("z-present");
    window.addEventListener("keydown", this.onKey, { capture: true });
    document.addEventListener("fullscreenchange", this.onScreen);
    // A page that was opened by its address has no gesture to allow it.
    if (navigator.userActivation?.isActive) this.toggleScreen();
  }

  stop() {
    window.removeEventListener("keydown", this.onKey, { capture: true });
    document.removeEventListener("fullscreenchange", this.onScreen);
  }

  toggleScreen() {
    this.staying = Boolean(document.fullscreenElement);
    const change = this.staying ? document.exitFullscreen()
      : document.documentElement.requestFullscreen();
    change.catch(() => {}); // where the browser forbids it, the page fills the window
  }

  // Esc leaves full screen before any key is heard.
  screenChanged() {
    if (document.fullscreenElement) return;
    if (!this.staying) this.leave();
    this.staying = false;
  }

  // Digits are gathered until Enter turns to the case of that number.
  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.viewer.root.isConnected) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const turn = key === " " ? (event.shiftKey ? -1 : 1) : TURNS[key];
    const typed = this.typed;
    this.typed = /^\d$/.test(key) ? (typed + key).slice(-3) : "";
    if (turn) this.turn(turn);
    else if (key === "Enter" && typed) this.turnTo(Number(typed));
    else if (key === "Escape") this.leave();
    else if (key === "f") this.toggleScreen();
    else if (PICTURE_KEYS.includes(key)) pressKey(this.viewer, event);
    if (typed !== this.typed) this.viewer.schedule();
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  turn(by) {
    this.turnTo((this.wanted ?? this.shown.number) + by);
  }

  turnTo(number) {
    const next = within(number, 1, this.shown.count);
    if (next === (this.wanted ?? this.shown.number)) return;
    this.wanted = next;
    clearTimeout(this.asking);
    const now = performance.now();
    if (now - this.turned < BURST_MS) {
      this.asking = setTimeout(() => this.ask(ASK_AGAIN_MS), BURST_MS);
    } else this.ask(ASK_AGAIN_MS);
    this.turned = now;
    this.viewer.schedule();
  }

  // Again where no answer comes: one of two turns close together may be lost on the way.
  ask(patience) {
    clearTimeout(this.asking);
    if (this.wanted === null || !this.viewer.root.isConnected) return;
    this.tell("go", this.wanted);
    this.asking = setTimeout(() => this.ask(2 * patience), patience);
  }

  leave() {
    if (!this.viewer.root.isConnected) return;
    this.staying = true;
    if (document.fullscreenElement) document.exitFullscreen();
    this.tell("go", 0);
  }

  fill({ number, title, line, kind, note, foot, synthetic }) {
    this.title.replaceChildren(...(kind ? [element("span", "z-case-kind", kind)] : []), title);
    this.line.textContent = line;
    this.note.textContent = note;
    this.foot.replaceChildren(...(synthetic ? [element("b", "z-case-badge", "synthetic")] : []),
      element("span", "", foot), element("span", "", HINT));
    this.viewer.root.dataset.case = number;
  }

  draw() {
    const { shown } = this;
    for (const node of [this.head, this.note, this.foot]) node.hidden = !shown;
    if (!shown) return;
    this.note.hidden = !shown.note;
    const number = this.typed ? `${this.typed}_` : (this.wanted ?? shown.number);
    this.count.textContent = `${number} / ${shown.count}`;
    this.viewer.root.classList.toggle("z-turning", this.wanted !== null);
  }
}
