// Today's messages: plays, time on the glass, and what came of them with intervals.
import { byId, duration, element } from "/static/dom.js";
import { swap } from "/static/console/plots.js";

export async function refreshReport() {
  if (document.visibilityState !== "visible") return;
  const response = await fetch("/v1/report/today").catch(() => null);
  if (!response?.ok) return;
  const report = await response.json();
  byId("report-note").hidden = report.people === "exact";
  if (report.rows.length === 0) return;
  byId("report").tBodies[0].replaceChildren(...report.rows.map(row));
  const plot = byId("messages-plot");
  plot.hidden = !report.rows.some((one) => one.attention_secs.n > 0);
  const theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  if (!plot.hidden) swap(plot, `/console/plots/messages.svg?theme=${theme}`);
}

function row(one) {
  const cell = (name, ...children) => element("td", { class: "num", "data-name": name }, ...children);
  return element(
    "tr", {},
    element("th", { scope: "row" }, one.creative, element("small", { class: "muted" }, ` ${one.campaign}`)),
    cell("Plays", String(one.plays)),
    cell("On the glass", duration(one.shown_secs)),
    cell("Opportunities to see", ...interval({ ...one.opportunities, mean: one.opportunities.count }, (value) => value.toFixed(0))),
    cell("Attention a play", ...interval(one.attention_secs, seconds)),
    cell("Smile lift", ...interval(one.smile_lift, (value) => `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(2)}`)),
    cell("Dwell a play", ...interval(one.dwell_secs, seconds)),
  );
}

const seconds = (value) => `${value.toFixed(1).replace("-", "−")} s`;

/** A mean with its interval below; of too few plays there is none. */
function interval({ mean, low, high, n }, format) {
  if (n === 0 || mean === null) return ["–"];
  const bounds = low === null ? "no interval yet" : `${format(low)} to ${format(high)}`;
  return [format(mean), element("small", {}, `${bounds}, n ${n}`)];
}
