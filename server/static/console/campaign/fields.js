// Fields of the form and the values they stand for.

import { element } from "../../dom.js";
import { listOf, put, valueAt } from "./paths.js";

const readers = {
  flag: (field) => field.checked,
  set: (field) => [...field.querySelectorAll("input:checked")].map((box) => box.value),
  number: (field) => (field.value === "" ? missing(field) : Number(field.value)),
  seconds: (field) => (field.value === "" ? undefined : Math.round(1000 * Number(field.value))),
  optional: (field) => field.value || undefined,
  text: (field) => field.value,
};

const writers = {
  flag: (field, value) => {
    field.checked = value ?? true;
  },
  set: (field, value) => {
    const chosen = listOf(value).filter((one) => typeof one === "string");
    for (const tick of field.querySelectorAll("[data-gone]")) tick.remove();
    const boxes = [...field.querySelectorAll("input")];
    for (const box of boxes) box.checked = chosen.includes(box.value);
    // What is not there any more stays until somebody unticks it: left out, a campaign for one place would run in all.
    const gone = chosen.filter((one) => !boxes.some((box) => box.value === one));
    field.append(...gone.map((one) => element("label", { class: "tick", "data-gone": true }, element("input", { type: "checkbox", value: one, checked: true }), ` ${one}`)));
  },
  seconds: (field, value) => {
    field.value = value === undefined || value === null ? "" : value / 1000;
  },
  number: (field, value) => {
    field.value = value ?? field.dataset.default ?? "";
  },
};

const missing = (field) => (field.dataset.default === undefined ? undefined : Number(field.dataset.default));
const kindOf = (field) => field.dataset.kind ?? "text";
const simple = (field, value) => {
  field.value = value ?? field.dataset.default ?? (field.tagName === "SELECT" ? field.options[0].value : "");
};

/** Fills every field below a node. */
export function fill(node, campaign) {
  for (const field of node.querySelectorAll("[data-path]")) {
    (writers[kindOf(field)] ?? simple)(field, valueAt(campaign, field.dataset.path));
  }
}

/** Takes every field below a node over into the campaign. */
export function take(node, campaign) {
  for (const field of node.querySelectorAll("[data-path]")) {
    if (field.closest("[hidden]")) continue;
    put(campaign, field.dataset.path, readers[kindOf(field)](field));
  }
}

/** The field of a path, or of the nearest path above it that has one. */
export function fieldAt(node, path) {
  const steps = path.split(".");
  while (steps.length > 0) {
    const field = node.querySelector(`[data-path="${CSS.escape(steps.join("."))}"]`);
    if (field && !field.closest("[hidden]")) return field;
    steps.pop();
  }
  return null;
}
