// What there is to say of a campaign, said beside its fields; and its messages as a screen would show them.

import { byId, element, say } from "../../dom.js";
import { send } from "../../face/api.js";
import { word } from "../../face/words.js";
import { Stage } from "../../player/stage.js";
import { fieldAt } from "./fields.js";
import { pathOf } from "./paths.js";

const KINDS = [["mistakes", "bad"], ["findings", "warn"], ["remarks", ""]];

function textOf(kind, one) {
  if (kind === "mistakes") return `${one.kind === "invalid" ? "" : `${one.kind}: `}${one.expected}; ${one.suggestion}`;
  if (kind === "findings") return `“${one.words}” (${one.code}): ${one.advice}`;
  return `${one.check}: ${one.advice}`;
}

/** Says what was found: beside the field where there is one, and all of it in the list. */
export function showFindings(form, checked) {
  for (const old of form.querySelectorAll(".finding")) old.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  for (const field of form.querySelectorAll("[data-described]")) {
    if (field.dataset.described) field.setAttribute("aria-describedby", field.dataset.described);
    else field.removeAttribute("aria-describedby");
  }
  const list = [];
  let n = 0;
  for (const [kind, tone] of KINDS) {
    const found = checked[kind];
    if (found.length === 0) continue;
    list.push(element("h3", {}, `${word(kind)} (${found.length})`));
    const lines = found.map((one) => {
      n += 1;
      const text = textOf(kind, one);
      const field = fieldAt(form, pathOf(one.path));
      if (field) beside(field, `finding-${n}`, tone, text, kind === "mistakes");
      return element("li", {}, element("code", {}, pathOf(one.path)), " ", element("span", { lang: "en" }, text));
    });
    list.push(element("ul", { class: "lines" }, ...lines));
  }
  byId("checks").replaceChildren(...(list.length > 0 ? list : [element("p", {}, word("nothing_found"))]));
}

function beside(field, id, tone, text, isMistake) {
  const place = field.closest(".field, .tick, li") ?? field.parentElement;
  place.append(element("p", { class: `finding ${tone}`, id, lang: "en" }, text));
  field.dataset.described ??= field.getAttribute("aria-describedby") ?? "";
  field.setAttribute("aria-describedby", `${field.getAttribute("aria-describedby") ?? ""} ${id}`.trim());
  if (isMistake && field.matches("input, select, textarea")) field.setAttribute("aria-invalid", "true");
}

/** The messages of a campaign in a frame of the shape of a screen, painted by what paints the screens. */
export class Glass {
  constructor() {
    this.frame = byId("glass");
    this.pick = byId("shown");
    this.stage = new Stage(this.frame, { onGlass: () => {} });
    this.place_of = byId("place");
    this.messages = [];
    this.n_shown = 0;
    this.pick.addEventListener("change", () => this.show());
    byId("shape").addEventListener("change", (event) => {
      this.frame.className = event.target.value;
    });
    this.place_of?.addEventListener("change", () => this.move());
    byId("on-screen")?.addEventListener("change", (event) => {
      // A slot of another screen is none of this one.
      if (!this.place_of || [event.target.value, undefined].includes(this.spot.dataset.screen)) return;
      this.place_of.value = "";
      this.move();
    });
  }

  /** Where the message is looked at: the option of a slot, or of all of the glass. */
  get spot() {
    return this.place_of.selectedOptions[0];
  }

  /** The slot in which the message is looked at; nothing: on all of the glass. */
  get slot() {
    return this.place_of?.value || undefined;
  }

  /** Puts the message where it is to be looked at, and what it is shown on with it. */
  move() {
    const { screen, ...sides } = this.spot.dataset;
    this.stage.lie(Object.fromEntries(Object.entries(sides).map(([side, percent]) => [side, `${percent}%`])));
    if (screen && byId("on-screen")) byId("on-screen").value = screen;
    this.show();
  }

  /** Takes the campaign as it is in the form. */
  async take(campaign) {
    const { creatives } = await send("POST", "/v1/campaigns/preview", { body: campaign });
    const before = JSON.stringify(this.messages[this.place]);
    this.messages = creatives;
    const chosen = this.pick.value;
    const ids = creatives.map(({ creative }) => creative.id);
    this.pick.replaceChildren(...ids.map((id) => element("option", { value: id, selected: id === chosen }, id)));
    this.stage.preload(creatives.map(({ creative }) => creative).filter((creative) => creative.url));
    if (JSON.stringify(this.messages[this.place]) !== before) await this.show();
  }

  get place() {
    return Math.max(0, this.pick.selectedIndex);
  }

  async show() {
    const message = this.messages[this.place];
    const isThere = message && (message.creative.kind === "text" || message.creative.url);
    say(byId("glass-note"), isThere ? "" : word(message ? "no_file" : "no_message"));
    this.frame.classList.toggle("empty", !isThere);
    if (!isThere) return;
    this.n_shown += 1;
    await this.stage.show({ id: `preview-${this.n_shown}`, ...message, creative: { ...message.creative, transition_millis: 0 } });
  }
}
