// How the engine is, and whether the word of the site is kept.
import { byId, definitions, duration, element, say } from "/static/dom.js";

const MEBIBYTE = 1048576;

export function showHealth(health, camera) {
  cameraState(camera);
  refusal(camera);
  objections(health.screens);
  engine(health);
  cameras(health.cameras);
  commitments(health, camera);
  screens(health.screens);
}

function badge(node, kind, text) {
  node.className = `badge ${kind}`;
  say(node, text);
}

function cameraState(camera) {
  const node = byId("camera-state");
  if (!camera) badge(node, "", "no camera");
  else if (camera.open) badge(node, "good", "camera open");
  else badge(node, camera.refusal ? "bad" : "warn", camera.refusal ? "camera closed: refused" : "camera closed");
}

/** Says why the camera is shut: a refusal with its article and remedy, or the fault of the device. */
function refusal(camera) {
  const box = byId("refusal");
  const why = camera?.refusal ?? (camera?.fault && !camera.open ? { code: "device", reason: camera.fault, article: "", remedy: "" } : null);
  box.hidden = !why;
  if (!why) return;
  say(byId("refusal-code"), why.code);
  say(byId("refusal-reason"), `: ${why.reason}`);
  say(byId("refusal-article"), why.article ? `Rule: ${why.article}.` : "");
  say(byId("refusal-remedy"), why.remedy ? `To do: ${why.remedy}.` : "");
}

/** Alerts to screens in front of which people object again and again. */
function objections(list) {
  const repeated = list.filter((one) => one.objections_repeated);
  byId("objections").hidden = repeated.length === 0;
  say(byId("objections-where"), repeated.map((one) => `Screen ${one.id}: ${one.objections_last_hour} within the last hour.`).join(" "));
}

function engine(health) {
  const good = health.store.ok && health.ledger.ok;
  badge(byId("engine-state"), good ? "good" : "bad", good ? "running" : "needs attention");
  const { p50, p95, p99, n } = health.latency_millis;
  const tiles = [
    ["Capture to glass, 95 %", n ? `${p95.toFixed(0)} ms` : "–", n ? `median ${p50.toFixed(0)}, 99 % ${p99.toFixed(0)}, of ${n}` : "no change yet"],
    ["Memory", `${(health.resident_bytes / MEBIBYTE).toFixed(0)} MiB`, ""],
    ["Up", duration(health.uptime_secs), ""],
    ["Runtime", health.runtime, ""],
    ["Rows waiting", String(health.store.queued), storeState(health.store)],
    ["Certificate until", ...certificateState(health.certificate)],
  ];
  byId("engine").replaceChildren(
    ...tiles.map(([name, value, more]) =>
      element("div", {}, element("dt", {}, name), element("dd", { class: value.length > 9 ? "words" : "" }, value, " ", element("small", {}, more))),
    ),
  );
}

const ORIGINS = { owner: "from the owner's files", own: "made here: browsers warn of it", authority: "issued by an authority" };

/** Until when browsers are content with the certificate, where it is from, and what keeps the next one. */
function certificateState(certificate) {
  if (!certificate) return ["none", "nothing is encrypted here"];
  const until = certificate.valid_until_micros;
  const failed = certificate.acme?.error ? `${certificate.acme.n_failures} tries failed: ${certificate.acme.error}. To do: ${certificate.acme.remedy}` : "";
  return [until ? new Date(until / 1000).toLocaleDateString() : "–", [ORIGINS[certificate.origin], failed].filter(Boolean).join("; ")];
}

function storeState(store) {
  const lost = store.lost ? `${store.lost} lost` : "";
  return [store.ok ? "" : `not recording: ${store.fault}`, lost].filter(Boolean).join(", ");
}

function cameras(list) {
  byId("cameras").tBodies[0].replaceChildren(
    ...list.map((one) => {
      const dropped = Object.entries(one.dropped).filter(([, n]) => n > 0).map(([reason, n]) => `${n} ${reason.replaceAll("_", " ")}`);
      return element(
        "tr", {},
        element("th", { scope: "row" }, one.id),
        element("td", {}, one.source),
        element("td", { class: "num" }, one.open ? one.fps.toFixed(1) : "closed"),
        element("td", { class: "num" }, one.open ? one.analyzed_fps.toFixed(1) : "–"),
        element("td", {}, dropped.join(", ") || "none"),
      );
    }),
  );
}

/** Until when, as the operator's clock says it. */
function clock(micros) {
  return new Date(micros / 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** How often people objected within the last hour, and in front of which screens. */
function objected(health) {
  const by = health.screens.filter((one) => one.objections_last_hour > 0).map((one) => `${one.id} ${one.objections_last_hour}`);
  const text = [String(health.objections_last_hour), by.length ? `(${by.join(", ")})` : ""].join(" ").trim();
  return health.screens.some((one) => one.objections_repeated) ? element("span", { class: "badge warn" }, `${text}: look into it`) : text;
}

/** What people in front of the screen said. */
function said(health, camera) {
  const rows = [["Objections, last hour", objected(health)]];
  if (camera?.objected_until_micros) rows.push(["Shut on request until", clock(camera.objected_until_micros)]);
  if (camera?.agreed_until_micros) rows.push(["Agreed to until", clock(camera.agreed_until_micros)]);
  for (const one of camera?.withheld ?? []) rows.push(["Not done", `${one.reason} (${one.code}). ${one.remedy}.`]);
  return rows;
}

function commitments(health, camera) {
  const word = health.commitments;
  say(byId("profile"), `profile ${word.profile}, v${word.version}`);
  badge(byId("ledger-state"), health.ledger.ok ? "good" : "bad", health.ledger.ok ? "ledger kept" : `ledger cannot be written (${health.ledger.fault}): cameras closed, default message only`);
  definitions(byId("commitments"), [
    ["Who", word.controller],
    ["Profile", word.profile],
    ["Version", `${word.version}, in force since ${word.effective_from}`],
    ["Allowed analyses", word.scopes.join(", ")],
    ["Ledger", `${health.ledger.size} entries`],
    ...said(health, camera),
    ["Document", element("code", {}, word.hash)],
  ]);
}

function screens(list) {
  byId("screens").replaceChildren(
    ...list.map((one) =>
      element(
        "li", {},
        element("a", { href: `/screen/${encodeURIComponent(one.id)}` }, one.id),
        element("span", { class: `badge ${one.alive ? "good" : "warn"}` }, one.alive ? "notice in view" : "notice not in view"),
        element("span", { class: "muted" }, one.player ? `played by ${one.player}` : "no player"),
      ),
    ),
  );
}
