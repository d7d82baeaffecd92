// Small helpers to write to the page; text goes in as text, never as markup.

export const byId = (id) => document.getElementById(id);

/** An element with attributes and children; strings become text. */
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

/** The same for drawings. */
export function drawing(name, attributes = {}) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

/** Rows of a definition list from `[name, value]` pairs. */
export function definitions(list, pairs) {
  list.replaceChildren(
    ...pairs.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]),
  );
}

/** Horizontal bars of shares; `rows` are `{name, share, isTop}`. Kept in place so that they glide. */
export function bars(container, rows) {
  while (container.childElementCount > rows.length) container.lastElementChild.remove();
  rows.forEach((row, index) => {
    const node = container.children[index] ?? container.appendChild(emptyBar());
    node.classList.toggle("top", Boolean(row.isTop));
    node.children[0].textContent = row.name;
    node.children[0].title = row.name;
    node.children[1].firstElementChild.style.width = `${(100 * row.share).toFixed(1)}%`;
    node.children[2].textContent = percent(row.share);
  });
}

function emptyBar() {
  return element(
    "div",
    { class: "bar-row" },
    element("span", { class: "name" }),
    element("span", { class: "track" }, element("div", { class: "fill" })),
    element("span", { class: "value" }),
  );
}

export const percent = (share) => `${Math.round(100 * share)} %`;

export function duration(secs) {
  if (secs < 60) return `${secs < 9.95 ? secs.toFixed(1) : Math.round(secs)} s`;
  if (secs < 3600) return `${Math.floor(secs / 60)} min ${Math.round(secs % 60)} s`;
  return `${Math.floor(secs / 3600)} h ${Math.floor((secs % 3600) / 60)} min`;
}

export const clockTime = (micros) => new Date(micros / 1000).toLocaleTimeString();

/** Sets text only when it differs: a live region speaks only of changes. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
