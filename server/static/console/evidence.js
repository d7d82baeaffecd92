// What experiments and guardrails know, campaign by campaign; for those who may see exact sums.
import { byId, element } from "/static/dom.js";

export async function refreshEvidence() {
  if (document.visibilityState !== "visible") return;
  const card = byId("evidence-card");
  const campaigns = await read("/v1/campaigns");
  if (!campaigns) return;
  const asked = campaigns.map((one) => read(`/v1/campaigns/${encodeURIComponent(one.id)}/evidence`));
  const reports = await Promise.all(asked);
  const known = campaigns
    .map((campaign, i) => ({ campaign, report: reports[i] }))
    .filter(({ report }) => report && (report.arms.length > 0 || report.guardrails.length > 0 || report.ablation || report.apprentice));
  card.hidden = known.length === 0;
  byId("evidence").replaceChildren(...known.flatMap(section));
}

async function read(address) {
  const response = await fetch(address).catch(() => null);
  return response?.ok ? response.json() : null;
}

function section({ campaign, report }) {
  const parts = [element("h3", {}, campaign.name)];
  if (report.apprentice) parts.push(apprentice(report.apprentice));
  if (report.ablation) parts.push(camera(report.ablation));
  const stopped = report.guardrails.filter((one) => one.stopped_after !== null);
  if (stopped.length > 0) {
    const says = (one) => `${one.creative}: ${words(one.metric)} ${number(one.mean)}, at most ${number(one.at_most)}; after ${one.stopped_after} plays`;
    parts.push(
      element("p", { class: "note" }, element("strong", {}, "Stopped by guardrails")),
      element("ul", { class: "plainlist" }, ...stopped.map((one) => element("li", {}, says(one)))),
      element("p", { class: "muted note" }, "They come back when the guardrails of the campaign are changed."),
    );
  }
  if (report.arms.length > 0) parts.push(arms(report.arms));
  if (report.guardrails.length > 0) parts.push(guards(report.guardrails));
  return parts;
}

const VERDICTS = {
  at_least_as_good: "would have earned at least what its baseline earned",
  worse: "would have earned less than its baseline",
  not_known: "is not known to do at least as well as its baseline",
};

function apprentice(report) {
  const stands = report.is_apprentice ? "An apprentice: the rules choose, the policy learns beside them. It " : "The policy chooses by itself. Beside the rules it ";
  const parts = [element("strong", {}, `${stands}${VERDICTS[report.verdict]}.`)];
  if (report.n_plays > 0) {
    const gain = `${number(report.gain)} more (${range(report.gain_interval)}, 95 %)`;
    parts.push(` Rules ${number(report.baseline)}, policy ${number(report.policy)} a play over ${report.n_plays} plays: ${gain}, estimated from plays that the rules chose.`);
  } else {
    parts.push(" Nothing is compared yet.");
  }
  if (report.is_apprentice) parts.push(` ${ends(report)}`);
  return element("p", { class: "note" }, ...parts);
}

function ends({ ends, plays_before, margin }) {
  const less = margin > 0 ? ` less ${(100 * margin).toFixed(0)} %` : "";
  return {
    plays: `It chooses by itself after ${plays_before} rewards.`,
    proven: `It chooses by itself when it is sure to earn at least as much${less}.`,
    never: "It chooses by itself when somebody changes the campaign.",
  }[ends];
}

function camera(ablation) {
  const [place, without, all] = ablation.explained.map((share) => `${(100 * share).toFixed(1)} %`);
  const verdict = faces(ablation);
  const helps = ablation.camera_interval.low > 0 ? "The camera helps to foretell rewards" : "It is not known that the camera helps to foretell rewards";
  return element(
    "p", { class: "note" },
    element("strong", {}, verdict),
    ` Of the differences in reward, foretold before they were learned over ${ablation.n_plays} plays: ${place} from time and place, ${without} with the camera without expression, ${all} with everything.`,
    ` ${helps}: it gains ${number(ablation.camera_gain)} in squared error over time and place alone (${range(ablation.camera_interval)}, 99 %).`,
  );
}

function faces(ablation) {
  if (ablation.is_expression_idle) return "What faces show adds nothing here: these features are switched off.";
  return ablation.n_with_expression === 0
    ? "What faces show was seen before no play: nothing can be said about it."
    : "Whether what faces show adds anything goes on being asked.";
}

function table(head, rows) {
  const names = head.map((name, i) => element("th", { scope: "col", class: i === 0 ? null : "num" }, name));
  return element(
    "div", { class: "scroll", role: "region", "aria-label": head[0], tabindex: "0" },
    element("table", { class: "report" }, element("thead", {}, element("tr", {}, ...names)), element("tbody", {}, ...rows)),
  );
}

function row(name, small, cells, head) {
  const cell = (text, i) => element("td", { class: "num", "data-name": head[i + 1] }, text);
  return element("tr", {}, element("th", { scope: "row" }, name, element("small", { class: "muted" }, small)), ...cells.map(cell));
}

function arms(all) {
  const head = ["Message", "Plays", "Reward a play", "Adds to none"];
  const rows = all.map((one) =>
    row(
      one.creative ?? "held out",
      one.segment === null ? "" : ` ${one.segment}`,
      [String(one.n_plays), `${number(one.mean)} (${range(one.interval)})`, one.uplift === null ? "–" : range(one.uplift)],
      head,
    ));
  return table(head, rows);
}

function guards(all) {
  const head = ["Guardrail", "Plays", "Mean", "At most", "Evidence"];
  const evidence = (one) => (one.stopped_after === null ? `p ${one.p_value.toPrecision(2)}` : "stopped");
  const rows = all.map((one) =>
    row(one.creative, ` ${words(one.metric)}`, [String(one.n_plays), number(one.mean), number(one.at_most), evidence(one)], head));
  return table(head, rows);
}

const words = (metric) => metric.replaceAll("_", " ");
const number = (value) => (value === null ? "–" : value.toFixed(3).replace("-", "−"));
const range = ({ low, high }) => `${number(low)} to ${number(high)}`;
