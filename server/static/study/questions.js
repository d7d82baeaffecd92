// The questions after a message, as a form; and what was answered.

import { byId, element } from "../dom.js";
import { word } from "../face/words.js";

const LIKING = [1, 2, 3, 4, 5, 6, 7];

function radio(name, value, label) {
  const input = element("input", { type: "radio", name, value: String(value) });
  return element("label", { class: "tick" }, input, label);
}

function field(question) {
  const name = `q-${question.id}`;
  if (question.kind === "text") {
    const area = element("textarea", { id: name, name, rows: "3", maxlength: "1000" });
    return element("p", {}, element("label", { for: name }, question.text), area);
  }
  const list = element("fieldset", { "data-kind": question.kind }, element("legend", {}, question.text));
  if (question.kind === "choice") {
    question.options.forEach((option, at) => list.append(radio(name, at, option)));
    return list;
  }
  const scale = element("div", { class: "scale" }, element("span", {}, word("not_at_all")));
  LIKING.forEach((value) => scale.append(radio(name, value, String(value))));
  scale.append(element("span", {}, word("very_much")));
  list.append(scale);
  return list;
}

function answered(questions) {
  const answers = {};
  for (const { id, kind } of questions) {
    const name = `q-${id}`;
    if (kind === "text") {
      const text = byId(name).value.trim();
      if (text) answers[id] = { text };
      continue;
    }
    const chosen = document.querySelector(`input[name="${CSS.escape(name)}"]:checked`);
    if (chosen) answers[id] = { [kind]: Number(chosen.value) };
  }
  return answers;
}

/** Asks the questions about a message; resolves with the answers. */
export function ask(questions, which) {
  byId("fields").replaceChildren(...questions.map(field));
  byId("which").textContent = which;
  byId("questions").hidden = false;
  byId("questions-title").focus();
  return new Promise((resolve) => {
    byId("answers").onsubmit = (event) => {
      event.preventDefault();
      byId("questions").hidden = true;
      resolve(answered(questions));
    };
  });
}
