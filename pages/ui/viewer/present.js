// A case on a page of its own: heading, note and foot round the picture, and keys that turn pages,
// such as those of a clicker. The picture's keys are those that are left over.

const TURNS = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1,
  Home: -Infinity, End: Infinity };
const PICTURE_KEYS = ["ArrowUp", "ArrowDown", "n", "p", "w", "o", "x", "+", "=", "-"];
const HINT = "← → cases   ↑ ↓ wheel slices   n p lesions   w worst slice   o hides colours   "
  + "f full screen   Esc leaves";

class Present {
  constructor(viewer) {
    this.viewer = viewer;
    this.shown = null;
    this.wanted = null;
    this.head = element("div", "z-case");
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
    if (shown.key === before?.key) return;
    Object.assign(this.viewer.state, { layout: "one", compare: "side", low: 0, high: 255 });
    this.framed = false;
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

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.viewer.root.isConnected) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const turn = key === " " ? (event.shiftKey ? -1 : 1) : TURNS[key];
    if (turn) this.turn(turn);
    else if (key === "Escape") this.leave();
    else if (key === "f") this.toggleScreen();
    else if (PICTURE_KEYS.includes(key)) pressKey(this.viewer, event);
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  turn(by) {
    const { number, count } = this.shown;
    const next = within((this.wanted ?? number) + by, 1, count);
    if (next === (this.wanted ?? number)) return;
    this.wanted = next;
    this.tell("go", next);
    this.viewer.schedule();
  }

  leave() {
    if (!this.viewer.root.isConnected) return;
    this.staying = true;
    if (document.fullscreenElement) document.exitFullscreen();
    this.tell("go", 0);
  }

  draw() {
    const { shown } = this;
    for (const node of [this.head, this.note, this.foot]) node.hidden = !shown;
    if (!shown) return;
    const title = element("h1", "z-case-title", shown.title);
    const count = element("div", "z-case-count", `${this.wanted ?? shown.number} / ${shown.count}`);
    this.head.replaceChildren(title, count, element("div", "z-case-line", shown.line));
    if (shown.kind) title.prepend(element("span", "z-case-kind", shown.kind));
    this.note.textContent = shown.note;
    this.note.hidden = !shown.note;
    this.foot.replaceChildren(element("span", "", shown.foot), element("span", "", HINT));
    if (shown.synthetic) this.foot.prepend(element("b", "z-case-badge", "synthetic"));
    this.viewer.root.dataset.case = shown.number;
  }

  // The brain fills the picture, once it is known and drawn.
  frame() {
    if (!this.shown || this.framed || !isWhole(this.viewer.volume)) return;
    this.framed = true;
    fit(this.viewer);
  }
}
