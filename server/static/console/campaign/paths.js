// Values of a campaign by their path, such as `creative.0.content.title`; what stands at other paths is left as it is.

const steps = (path) => path.split(".");

/** Whether it has fields; a list has none. */
export const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** The list that it is; an empty one where it is none. What is pasted may be anything. */
export const listOf = (value) => (Array.isArray(value) ? value : []);

/** The value there; nothing where there is none. */
export function valueAt(root, path) {
  return steps(path).reduce((at, step) => (at === null || at === undefined ? undefined : at[step]), root);
}

/** Puts a value there; nothing takes it away. */
export function put(root, path, value) {
  const all = steps(path);
  const last = all.pop();
  let at = root;
  for (const step of all) {
    if (at[step] === null || typeof at[step] !== "object") {
      if (value === undefined) return;
      at[step] = {};
    }
    at = at[step];
  }
  if (value === undefined) delete at[last];
  else at[last] = value;
}

/** `campaign[0].creative[1].when` as the server writes it is `creative.1.when` here. */
export const pathOf = (written) => written.replace(/^campaigns?\[\d+\]\.?/, "").replace(/creatives?\[(\d+)\]/, "creative.$1").replace(/\[(\d+)\]/g, ".$1");
