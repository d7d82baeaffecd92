// The present message and why it was chosen.
import { bars, byId, clockTime, definitions, element, percent, say } from "/static/dom.js";

const MAX_LOG = 30;

export class MessagePanel {
  constructor() {
    this.pick = byId("screen");
    this.slotPick = byId("slot");
    /** By screen, then by slot; where a screen is not parted, one decision under no name. */
    this.latest = new Map();
    this.log = [];
    this.pick.addEventListener("change", () => this.draw());
    this.slotPick.addEventListener("change", () => this.draw());
  }

  screens(ids) {
    byId("screen-pick").hidden = ids.length < 2;
    if (this.pick.options.length === ids.length) return;
    this.pick.replaceChildren(...ids.map((id) => element("option", { value: id }, id)));
    this.draw();
  }

  async loadLog() {
    const response = await fetch(`/v1/decisions?limit=${MAX_LOG}`).catch(() => null);
    if (!response?.ok) return;
    const decisions = await response.json();
    const known = new Set(this.log.map((one) => one.id));
    this.log.push(...decisions.filter((one) => !known.has(one.id)));
    this.drawLog();
  }

  take(decision) {
    const slot = decision.slot ?? "";
    if (!this.latest.has(decision.screen)) this.latest.set(decision.screen, new Map());
    const slots = this.latest.get(decision.screen);
    // A screen that is parted now and was not before, or the other way round.
    if (slots.has("") !== (slot === "")) slots.clear();
    const isNew = slots.get(slot)?.id !== decision.id;
    slots.set(slot, decision);
    if (isNew && !this.log.some((one) => one.id === decision.id)) {
      this.log.unshift(decision);
      this.log.length = Math.min(this.log.length, MAX_LOG);
      this.drawLog();
    }
    this.draw();
  }

  draw() {
    const screen = this.pick.value || this.latest.keys().next().value;
    if (screen) byId("open-screen").href = `/screen/${encodeURIComponent(screen)}`;
    const slots = this.latest.get(screen);
    if (!slots) return;
    this.slots([...slots.keys()]);
    const decision = slots.get(this.slotPick.value);
    thumb(decision.creative);
    say(byId("said"), decision.reason);
    definitions(byId("decision-facts"), [
      ...(decision.slot === undefined ? [] : [["Slot", decision.slot]]),
      ["Message", decision.is_default ? "the default message" : `${decision.campaign} / ${decision.creative.id}`],
      ["Policy", `${decision.policy}${decision.policy_version ? `, version ${decision.policy_version}` : ""}`],
      ["Probability", percent(decision.propensity)],
      ["Decided", clockTime(decision.at_micros)],
    ]);
    list(byId("explanation"), decision.explanation);
    drawCandidates(decision);
    drawFeatures(decision.features);
  }

  /** Lets choose among the slots of the screen; the one that was chosen stays so. */
  slots(ids) {
    byId("slot-pick").hidden = ids.length < 2;
    const isSame = this.slotPick.options.length === ids.length && ids.every((id, i) => this.slotPick.options[i].value === id);
    if (isSame) return;
    const chosen = this.slotPick.value;
    this.slotPick.replaceChildren(...ids.map((id) => element("option", { value: id, selected: id === chosen }, id)));
  }

  drawLog() {
    byId("log").replaceChildren(
      ...this.log.map((one) =>
        element("li", {}, `${clockTime(one.at_micros)}  ${one.slot === undefined ? "" : `${one.slot}: `}${one.is_default ? "default" : one.creative.id ?? one.creative} (${one.policy}, ${percent(one.propensity)})`),
      ),
    );
  }
}

function list(node, lines) {
  node.replaceChildren(...lines.map((line) => element("li", {}, line)));
}

function drawCandidates(decision) {
  const rows = decision.candidates
    .map((one) => ({
      name: one.campaign === null ? `default / ${one.creative}` : `${one.campaign} / ${one.creative}`,
      share: one.propensity,
      isTop: one.campaign === decision.campaign && one.creative === decision.creative.id,
    }))
    .sort((a, b) => b.share - a.share);
  bars(byId("candidates"), rows);
}

function drawFeatures(features) {
  byId("features").tBodies[0].replaceChildren(
    ...features.map(([name, value]) =>
      element("tr", {}, element("th", { scope: "row" }, name), element("td", { class: "num" }, value.toFixed(3))),
    ),
  );
}

/** A small picture of the message, without its sound or scripts. */
function thumb(creative) {
  const box = byId("thumb");
  const key = `${creative.campaign}/${creative.id}`;
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  const make = {
    text: () => {
      const words = element("div", { class: "words" });
      words.style.backgroundColor = creative.background;
      words.style.color = creative.color;
      words.append(element("p", { class: "title" }, creative.title));
      if (creative.body) words.append(element("p", { class: "body" }, creative.body));
      return words;
    },
    image: () => element("img", { src: creative.url, alt: creative.alt ?? "" }),
    video: () => {
      const film = element("video", { src: creative.url, loop: true, playsinline: true, "aria-label": creative.alt ?? "" });
      film.muted = true;
      film.play().catch(() => {});
      return film;
    },
    html: () => element("iframe", { src: creative.url, sandbox: "allow-scripts", title: creative.alt ?? "", tabindex: "-1" }),
  }[creative.kind];
  box.replaceChildren(make());
}
