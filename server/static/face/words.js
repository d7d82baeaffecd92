// The words of the page's language: they stand hidden in the page, by name.

import { byId } from "../dom.js";

/** The word of that name; nothing where there is none. */
export function word(name) {
  return byId("words").querySelector(`[data-word="${CSS.escape(name)}"]`)?.textContent ?? "";
}
