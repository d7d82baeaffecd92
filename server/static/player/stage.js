// Two layers: one in front, one being prepared. A message comes to the front when it can be painted.
import { build, isReady, scanCard, Store } from "/static/player/creative.js";

export class Stage {
  constructor(element, { onGlass, store = new Store() }) {
    this.element = element;
    this.onGlass = onGlass;
    this.layers = [...element.querySelectorAll(":scope > .layer")];
    this.front = 0;
    this.store = store;
    this.shown = null;
    this.turn = 0;
    new ResizeObserver(() => this.layers.forEach(fitWords)).observe(element);
  }

  preload(creatives) {
    this.store.fill(creatives);
  }

  /** Shows a decision as soon as its message can be painted; keeps the last good one if it cannot. */
  async show(decision) {
    if (decision.id === this.shown) return;
    const turn = ++this.turn;
    const node = build(decision.creative, this.store);
    const layer = this.layers[1 - this.front];
    layer.replaceChildren(node, ...scanCard(decision.scan));
    layer.classList.toggle("scannable", Boolean(decision.scan));
    fitWords(layer);
    if (!(await isReady(node))) return;
    // A newer decision came while this one was being prepared.
    if (turn !== this.turn) return;
    this.swap(layer, decision.creative.transition_millis);
    this.shown = decision.id;
    afterPaint(() => this.onGlass(decision));
  }

  /** What is being prepared comes too late. */
  cancel() {
    this.turn += 1;
  }

  /** Puts what it shows into a part of the element, by the sides in units of CSS; on all of it where there is none. */
  lie({ left = "", top = "", width = "", height = "" } = {}) {
    for (const { style } of this.layers) Object.assign(style, { left, top, width, height });
  }

  /** Shows nothing any more, and lets be seen what lies beneath. */
  leave() {
    this.cancel();
    this.shown = "";
    for (const layer of this.layers) {
      layer.classList.remove("front");
      layer.setAttribute("aria-hidden", "true");
      layer.querySelector("video")?.pause();
    }
  }

  swap(layer, fadeMillis) {
    const old = this.layers[this.front];
    // Nothing to fade from before the first message.
    this.element.style.setProperty("--fade", `${this.shown === null ? 0 : fadeMillis}ms`);
    document.getElementById("waiting")?.remove();
    layer.classList.add("front");
    layer.removeAttribute("aria-hidden");
    old.classList.remove("front");
    old.setAttribute("aria-hidden", "true");
    this.front = 1 - this.front;
    layer.querySelector("video")?.play().catch(() => {});
    setTimeout(() => {
      if (!old.classList.contains("front")) old.querySelector("video")?.pause();
    }, fadeMillis);
  }
}

/** Runs after the frame in which the present change is painted. */
function afterPaint(run) {
  requestAnimationFrame(() => requestAnimationFrame(run));
}

/** The largest letters with which the words fit their layer, in hundredths of its shorter side. */
function fitWords(layer) {
  const words = layer.querySelector(".words");
  if (!words) return;
  let [small, large] = [2, 18];
  for (let step = 0; step < 9; step += 1) {
    const middle = (small + large) / 2;
    words.style.fontSize = `${middle}cqmin`;
    const fits = words.scrollHeight <= words.clientHeight && words.scrollWidth <= words.clientWidth && !isBroken(words);
    if (fits) small = middle;
    else large = middle;
  }
  words.style.fontSize = `${small}cqmin`;
}

/** A title of more than four lines, or a word wider than the screen, is too large. */
function isBroken(words) {
  const title = words.querySelector(".title");
  const lineHeight = parseFloat(getComputedStyle(title).lineHeight);
  return title.scrollWidth > title.clientWidth + 1 || title.clientHeight > lineHeight * 4.2;
}
