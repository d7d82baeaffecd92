// The messages of a campaign as parts of the form, and the times of day beside them.

import { element } from "../../dom.js";
import { send } from "../../face/api.js";
import { word } from "../../face/words.js";
import { listOf } from "./paths.js";

let n_made = 0;

/** A field with its label. `kind` says how its value is read. */
function field(label, path, { tag = "input", kind, note, options, isWide = tag === "textarea", ...attributes } = {}) {
  n_made += 1;
  const id = `m-${n_made}`;
  const described = note ? `${id}-note` : null;
  const choices = (options ?? []).map(([value, name]) => element("option", { value }, name));
  const input = element(tag, { id, "data-path": path, "data-kind": kind ?? null, "aria-describedby": described, ...attributes }, ...choices);
  const said = note ? [element("p", { class: "muted note", id: described }, note)] : [];
  return element("div", { class: `field${isWide ? " full" : ""}` }, element("label", { for: id }, label), input, ...said);
}

const only = (kinds, ...nodes) => element("div", { class: "fields only", "data-of": kinds }, ...nodes);

function upload(at, changed) {
  n_made += 1;
  const id = `m-${n_made}`;
  const input = element("input", { id, type: "file", accept: "image/*,video/mp4,video/webm,text/html" });
  const said = element("p", { class: "muted note", role: "status" });
  input.addEventListener("change", async () => {
    if (!input.files[0]) return;
    const form = new FormData();
    form.append("file", input.files[0]);
    try {
      const taken = await send("POST", "/v1/assets", { body: form });
      said.textContent = word("uploaded");
      changed(at, taken.asset);
    } catch (problem) {
      said.textContent = `${problem.message} ${problem.remedy ?? ""}`;
    }
  });
  return element("div", { class: "field" }, element("label", { for: id }, word("upload")), input, said);
}

/** The part of the form for one message. `acts` has `changed()`, `remove(index)`, `uploaded(path, asset)`. */
function part(index, acts) {
  const at = `creative.${index}`;
  const kinds = ["text", "image", "video", "html"].map((kind) => [kind, word(kind)]);
  const legend = element("legend", {}, element("h3", {}, `${word("message")} ${index + 1}`));
  const remove = element("button", { class: "button", type: "button" }, word("remove"), element("span", { class: "visually-hidden" }, ` ${word("message")} ${index + 1}`));
  remove.addEventListener("click", () => acts.remove(index));
  const node = element(
    "fieldset", { class: "message-part" }, legend,
    element(
      "div", { class: "fields" },
      field(word("message_id"), `${at}.id`, { required: true, maxlength: 64 }),
      field(word("name"), `${at}.name`, { required: true }),
      field(word("kind"), `${at}.content.kind`, { tag: "select", options: kinds }),
      field(word("language"), `${at}.language`, { kind: "optional", maxlength: 35 }),
    ),
    only(
      "text",
      field(word("title"), `${at}.content.title`, { isWide: true }), field(word("body"), `${at}.content.body`, { tag: "textarea", rows: 2 }),
      field(word("background"), `${at}.content.background`, { type: "color", "data-default": "#000000" }), field(word("color"), `${at}.content.color`, { type: "color", "data-default": "#ffffff" }),
    ),
    only("image video html", field(word("file"), `${at}.content.asset`), upload(`${at}.content.asset`, acts.uploaded)),
    only("html", field(word("page"), `${at}.content.inline`, { tag: "textarea", kind: "optional", rows: 4, spellcheck: "false" })),
    element(
      "div", { class: "fields" },
      field(word("alt"), `${at}.alt_text`, { tag: "textarea", rows: 2, note: word("alt_note") }),
      field(word("duration"), `${at}.duration_millis`, { kind: "seconds", type: "number", min: 0.4, step: "any" }), field(word("min_show"), `${at}.min_show_millis`, { kind: "seconds", type: "number", min: 0, step: "any" }),
      field(word("cap_hour"), `${at}.caps.max_per_hour`, { kind: "number", type: "number", min: 1, step: 1 }), field(word("cap_day"), `${at}.caps.max_per_day`, { kind: "number", type: "number", min: 1, step: 1 }),
      field(word("gap"), `${at}.caps.min_gap_millis`, { kind: "seconds", type: "number", min: 0, step: "any" }), field(word("target"), `${at}.target_url`, { kind: "optional", type: "url" }),
      field(word("fit"), `${at}.fit`, { tag: "select", options: [["contain", word("contain")], ["cover", word("cover")]] }),
    ),
    element("p", {}, remove),
  );
  const show = () => {
    const kind = node.querySelector(`[data-path="${at}.content.kind"]`).value;
    for (const one of node.querySelectorAll(".only")) one.hidden = !one.dataset.of.split(" ").includes(kind);
  };
  node.addEventListener("change", show);
  return { node, show };
}

/** What content of a kind consists of; everything else that was there is of another kind. */
const CONTENT = { text: ["title", "body", "background", "color"], image: ["asset"], video: ["asset"], html: ["asset", "inline"] };

/** Leaves of each message what its kind has. */
export function tidy(campaign) {
  for (const message of listOf(campaign.creative)) {
    const kind = message?.content?.kind;
    // Pasted was something that there are no fields for: the check says what is wrong with it.
    if (!Object.hasOwn(CONTENT, kind ?? "")) continue;
    // Of a page either the file or the page itself is there: what is empty is neither.
    const isThere = (value) => value !== undefined && (kind !== "html" || value !== "");
    const kept = CONTENT[kind].filter((name) => isThere(message.content[name]));
    message.content = Object.fromEntries([["kind", kind], ...kept.map((name) => [name, message.content[name]])]);
    if (kind === "text") message.content.title ??= "";
    if (kind === "image" || kind === "video") message.content.asset ??= "";
  }
}

/** A message to begin with. */
export const fresh = (index) => ({ id: `message-${index + 1}`, name: `${word("message")} ${index + 1}`, content: { kind: "text", title: "", body: "", background: "#10324a", color: "#ffffff" }, duration_millis: 8000, min_show_millis: 2000, language: document.documentElement.lang });

/** Draws the messages anew; returns what shows the fields of each kind, once they are filled. */
export function drawMessages(container, messages, acts) {
  const parts = messages.map((_, index) => part(index, acts));
  container.replaceChildren(...parts.map((one) => one.node));
  return () => parts.forEach((one) => one.show());
}

/** Draws the times of day anew. */
export function drawDayparts(list, dayparts, acts) {
  list.replaceChildren(
    ...dayparts.map((_, index) => {
      const at = `schedule.dayparts.${index}`;
      const remove = element("button", { class: "button", type: "button" }, word("remove"), element("span", { class: "visually-hidden" }, ` ${word("dayparts")} ${index + 1}`));
      remove.addEventListener("click", () => acts.remove(index));
      const time = (name, label) => element("label", {}, label, " ", element("input", { type: "time", "data-path": `${at}.${name}`, required: true }));
      return element("li", {}, time("start", word("begins")), " ", time("end", word("ends")), " ", remove);
    }),
  );
}
