// A campaign in a form: filled from its draft, else from what is in force; looked at as it is written; saved, shown, submitted, let in force.

import { byId, element, say } from "../../dom.js";
import { Problem, send } from "../../face/api.js";
import { word } from "../../face/words.js";
import { fill, take } from "./fields.js";
import { Glass, showFindings } from "./looks.js";
import { drawDayparts, drawMessages, fresh, tidy } from "./messages.js";
import { isObject, listOf, put, valueAt } from "./paths.js";

/** After so long without a key the campaign is looked at. */
const LOOK_MILLIS = 350;

const main = document.querySelector("main");
const form = byId("form");
const mayChange = "mayChange" in main.dataset;
const isGuarded = "requiresApproval" in main.dataset;
const glass = new Glass();
const state = { campaign: null, draft: null, inForce: null, line: null, isChanged: false, turn: 0, timer: 0 };

const address = (kind, what = "") => `/v1/${kind}/${encodeURIComponent(state.campaign.id)}${what}`;
const beginning = () => ({ id: "", name: "", enabled: true, viewer_benefit: "", schedule: { dayparts: [], weekdays: [] }, budget: {}, creative: [fresh(0)] });

function complain(error) {
  const isAnswer = error instanceof Problem && error.status < 500;
  if (!isAnswer) console.error(error);
  say(byId("mistake"), isAnswer ? `${error.message}${error.remedy ? ` (${error.remedy})` : ""}` : word("failed"));
  byId("mistake").hidden = false;
  byId("said").hidden = true;
  byId("mistake").focus();
}

function report(text) {
  say(byId("said"), text);
  byId("said").hidden = false;
  byId("mistake").hidden = true;
  byId("said").focus();
}

/** Fills the form with a campaign. */
function open(campaign, isChanged) {
  campaign.schedule ??= {};
  if (isObject(campaign.schedule)) campaign.schedule.dayparts ??= [];
  campaign.creative ??= [];
  state.campaign = campaign;
  const acts = {
    remove: (index) => change(() => state.campaign.creative.splice(index, 1), "messages-title"),
    uploaded: (path, asset) => change(() => put(state.campaign, path, asset)),
  };
  const showKinds = drawMessages(byId("messages"), listOf(campaign.creative), acts);
  drawDayparts(byId("dayparts"), listOf(valueAt(campaign, "schedule.dayparts")), { remove: (index) => change(() => state.campaign.schedule.dayparts.splice(index, 1), "add-daypart") });
  fill(form, campaign);
  showKinds();
  if (!mayChange) for (const field of form.querySelectorAll("input, select, textarea, button")) field.disabled = true;
  byId("json").value = JSON.stringify(campaign, null, 2);
  state.isChanged = isChanged;
  tellState();
  look();
}

/** A change of the number of parts: what was typed is taken over first, and the form drawn anew. */
function change(make, focused) {
  read();
  make();
  open(state.campaign, true);
  if (focused) byId(focused).focus();
}

function read() {
  take(form, state.campaign);
  tidy(state.campaign);
}

/** Looks at what is in the form; only the last answer counts. */
async function look() {
  const turn = ++state.turn;
  if (state.campaign.id === "") return;
  try {
    const checked = await send("POST", "/v1/campaigns/check", { body: state.campaign });
    if (turn !== state.turn) return;
    showFindings(form, checked);
    await glass.take(state.campaign);
  } catch (error) {
    if (turn === state.turn) byId("checks").replaceChildren(element("p", { class: "finding bad", lang: "en" }, error.message));
  }
}

const BADGES = { live: "good", scheduled: "", ended: "", stopped: "bad", switched_off: "warn", waiting: "warn", sent_back: "bad", draft: "" };
const badge = (name) => element("span", { class: `badge ${BADGES[name] ?? ""}`, "data-standing": name }, word(name));

function tellState() {
  const { line, draft } = state;
  const stopped = Object.entries(line?.stopped ?? {}).map(([id, by]) => element("span", { class: "badge bad" }, `${id}: ${word("is_stopped")} (${by})`));
  const parts = [badge(line?.standing ?? "never"), ...stopped];
  if (line?.draft) {
    parts.push(badge(line.draft.standing), element("span", { class: "muted" }, `${word("revision")} ${line.draft.revision}, ${word("edited_by")} ${line.draft.edited_by}`));
    if (line.draft.submitted_by) parts.push(element("span", { class: "muted" }, `${word("submitted_by")} ${line.draft.submitted_by}`));
  }
  byId("standing").replaceChildren(...parts.flatMap((part) => [part, " "]));
  byId("sent-back").hidden = !line?.draft?.note;
  byId("sent-back").textContent = line?.draft?.note ?? "";
  if (!mayChange) return;
  const isWaiting = Boolean(draft?.submitted_by);
  byId("submit").hidden = !draft || isWaiting;
  byId("approve").hidden = byId("back").hidden = !isWaiting;
  byId("throw").hidden = !draft;
  if (byId("take-out")) byId("take-out").hidden = !state.inForce;
  byId("show").disabled = !draft;
  say(byId("unsaved"), state.isChanged ? word("unsaved") : draft ? "" : word("save_first"));
}

const found = (asked) => asked.catch((error) => (error.status === 404 ? null : Promise.reject(error)));

/** Reads all there is of the campaign. */
async function reload() {
  const id = state.campaign?.id || main.dataset.id;
  if (!id) return open(beginning(), false);
  const [overview, draft, inForce, versions] = await Promise.all([
    send("GET", "/v1/campaign-overview"),
    found(send("GET", `/v1/drafts/${encodeURIComponent(id)}`)),
    found(send("GET", `/v1/campaigns/${encodeURIComponent(id)}`)),
    send("GET", `/v1/campaigns/${encodeURIComponent(id)}/versions`),
  ]);
  state.line = overview.find((line) => line.id === id) ?? null;
  state.draft = draft;
  state.inForce = inForce;
  showVersions(versions);
  byId("heading").textContent = state.line?.name ?? id;
  const last = versions.filter((version) => version.campaign).at(-1);
  open(structuredClone(state.draft?.campaign ?? inForce ?? last?.campaign ?? { ...beginning(), id }), false);
}

function showVersions(versions) {
  if (versions.length === 0) return;
  const rows = versions.toReversed().map((version) => {
    const button = element("button", { class: "button", type: "button" }, word("open_version"), element("span", { class: "visually-hidden" }, ` ${version.number}`));
    button.addEventListener("click", () => {
      open(structuredClone(version.campaign), true);
      report(word("opened"));
    });
    return element(
      "tr", {}, element("th", { scope: "row" }, String(version.number)), element("td", {}, new Date(version.at_micros / 1000).toLocaleString(main.dataset.lang)),
      element("td", {}, version.by), element("td", {}, version.campaign ? (mayChange ? button : version.campaign.name) : word("ended")),
    );
  });
  const head = ["version", "since", "by", "state"].map((name) => element("th", { scope: "col" }, word(name)));
  byId("versions").replaceChildren(element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": word("versions") }, element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows))));
}

/** Keeps the draft; another one's change in between is not overwritten. */
async function save() {
  read();
  await send("PUT", address("drafts"), { body: state.campaign, revision: state.draft?.revision ?? 0 });
  byId("f-id").readOnly = true;
  history.replaceState(null, "", `?id=${encodeURIComponent(state.campaign.id)}&lang=${main.dataset.lang}`);
  await reload();
}

/** What is changed in the form is saved before anything is done with it. */
const saved = async () => {
  if (state.isChanged || !state.draft) await save();
};

const acts = {
  save: async () => {
    await save();
    return "saved";
  },
  submit: async () => {
    await saved();
    await send("POST", address("drafts", "/submit"));
    return "submitted";
  },
  approve: async () => {
    await send("POST", address("drafts", "/approve"));
    return "approved";
  },
  reject: async () => {
    await send("POST", address("drafts", "/reject"), { body: { note: byId("note").value } });
    return "went_back";
  },
  put: async () => {
    read();
    if (state.inForce) await send("PUT", address("campaigns"), { body: state.campaign });
    else await send("POST", "/v1/campaigns", { body: state.campaign });
    if (state.draft) await send("DELETE", address("drafts"));
    return "in_force";
  },
  throw: async () => {
    if (!confirm(word("sure"))) return null;
    await send("DELETE", address("drafts"));
    return "thrown_away";
  },
  "take-out": async () => {
    if (!confirm(word("sure"))) return null;
    await send("DELETE", address("campaigns"));
    return "taken_out";
  },
  show: async () => {
    await saved();
    const body = { screen: byId("on-screen").value, creative: byId("shown").value, slot: glass.slot, seconds: Number(byId("seconds").value) };
    await send("POST", address("drafts", "/preview"), { body });
    return "showing";
  },
};

for (const [id, act] of Object.entries(acts)) {
  byId(id)?.addEventListener("click", async () => {
    try {
      const done = await act();
      if (!done) return;
      await reload();
      report(word(done));
    } catch (error) {
      complain(error);
    }
  });
}

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", (event) => {
  if (event.target.id === "json" || event.target.type === "file") return;
  state.isChanged = true;
  clearTimeout(state.timer);
  state.timer = setTimeout(() => {
    read();
    byId("json").value = JSON.stringify(state.campaign, null, 2);
    tellState();
    look();
  }, LOOK_MILLIS);
});
/** Adds to the list at a path, which begins one where something else was pasted. */
const add = (path, made) =>
  change(() => {
    const all = listOf(valueAt(state.campaign, path));
    put(state.campaign, path, [...all, made(all.length)]);
  });
byId("add-message").addEventListener("click", () => add("creative", fresh));
byId("add-daypart").addEventListener("click", () => add("schedule.dayparts", () => ({ start: "09:00", end: "18:00" })));
byId("apply").addEventListener("click", () => {
  try {
    const pasted = JSON.parse(byId("json").value);
    if (!isObject(pasted)) throw new SyntaxError("expected { … }");
    open(pasted, true);
  } catch (error) {
    complain(new Problem(400, { detail: `${word("bad_json")} ${error.message}` }));
  }
});
addEventListener("beforeunload", (event) => {
  if (state.isChanged && mayChange) event.preventDefault();
});

reload().catch(complain);
