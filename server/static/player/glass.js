// The glass of a screen: one message on all of it, or one in each of its slots. A preview takes all of it either way, though it may
// lie where one slot does.
import { Store } from "/static/player/creative.js";
import { Stage } from "/static/player/stage.js";

export class Glass {
  /** `onParted` hears when the glass is parted otherwise than before: what was on it has gone then. */
  constructor(element, { onGlass, onParted }) {
    this.element = element;
    this.onGlass = onGlass;
    this.onParted = onParted;
    this.store = new Store();
    this.whole = new Stage(element, { onGlass, store: this.store });
    this.slots = new Map();
    this.layout = "[]";
  }

  preload(creatives) {
    this.store.fill(creatives);
  }

  /** Parts the glass into these slots, places in percent; none: one message has all of it. */
  part(slots) {
    const layout = JSON.stringify(slots);
    if (layout === this.layout) return;
    this.layout = layout;
    for (const stage of this.slots.values()) {
      stage.cancel();
      stage.element.remove();
    }
    this.whole.leave();
    this.slots = new Map(slots.map((slot) => [slot.slot, this.slot(slot)]));
    this.onParted();
  }

  slot({ slot, left, top, width, height }) {
    const element = document.createElement("section");
    element.className = "slot";
    element.dataset.slot = slot;
    Object.assign(element.style, { left: `${left}%`, top: `${top}%`, width: `${width}%`, height: `${height}%` });
    element.append(layer(), layer());
    this.element.append(element);
    const onGlass = (decision) => {
      // A preview has had its time as soon as any slot shows a message again.
      this.whole.leave();
      this.onGlass(decision);
    };
    return new Stage(element, { onGlass, store: this.store });
  }

  /** Shows a decision in its slot. */
  show(decision) {
    if (decision.slot === undefined) {
      // The screen is not parted any more.
      this.part([]);
      return this.whole.show(decision);
    }
    this.whole.cancel();
    return this.slots.get(decision.slot)?.show(decision);
  }

  /** Shows a preview on all of the glass, or where its slot lies and nothing beside it; the next decision ends it. */
  async preview(preview) {
    for (const stage of this.slots.values()) stage.cancel();
    const area = this.slots.get(preview.slot)?.element.style;
    this.whole.lie(area);
    await this.whole.show(preview);
    // What the slots showed is no play any more, so that it is not left to be seen beside the preview.
    if (area && this.whole.shown === preview.id) for (const stage of this.slots.values()) stage.leave();
  }
}

function layer() {
  const element = document.createElement("div");
  element.className = "layer";
  element.setAttribute("aria-hidden", "true");
  return element;
}
