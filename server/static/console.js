// The console: listens to the engine and hands what it hears to the panels.
import { refreshBudget } from "/static/console/budget.js";
import { refreshEvidence } from "/static/console/evidence.js";
import { showHealth } from "/static/console/health.js";
import { MessagePanel } from "/static/console/message.js";
import { Plots } from "/static/console/plots.js";
import { refreshReport } from "/static/console/report.js";
import { LiveStage } from "/static/console/stage.js";
import { Webcam } from "/static/console/webcam.js";
import { Zones } from "/static/console/zones.js";
import { byId, element } from "/static/dom.js";
import { listen } from "/static/feed.js";

const REPORT_MILLIS = 5000;
const BUDGET_MILLIS = 60000;
const EVIDENCE_MILLIS = 15000;

const stage = new LiveStage();
const message = new MessagePanel();
const plots = new Plots();
const webcam = new Webcam();
const zones = new Zones();
const cameraPick = byId("camera");
let stop = () => {};
let camera = null;

function choose(next) {
  camera = next;
  stop();
  stage.choose(camera);
  plots.choose(camera);
  webcam.choose(camera);
  zones.choose(camera);
  const query = camera === null ? "" : `?camera=${encodeURIComponent(camera)}`;
  stop = listen(
    `/v1/live${query}`,
    {
      live: (view) => {
        stage.draw(view);
        zones.take(view);
      },
      closed: () => stage.clear(),
      decision: (decision) => message.take(decision),
      health: onHealth,
    },
    (isHeard) => {
      byId("away").hidden = isHeard;
    },
  );
}

function onHealth(health) {
  const ids = health.cameras.map((one) => one.id);
  // The first stream only tells which cameras there are.
  if (camera === null && ids.length > 0) return choose(ids[0]);
  fillOptions(byId("camera-pick"), cameraPick, ids, camera);
  message.screens(health.screens.map((one) => one.id));
  const mine = health.cameras.find((one) => one.id === camera);
  stage.allow(mine);
  webcam.allow(mine);
  showHealth(health, mine);
}

function fillOptions(label, select, ids, chosen) {
  label.hidden = ids.length < 2;
  if (select.options.length === ids.length && ids.every((id, i) => select.options[i].value === id)) return;
  select.replaceChildren(...ids.map((id) => element("option", { value: id, selected: id === chosen }, id)));
}

cameraPick.addEventListener("change", () => choose(cameraPick.value));
setInterval(refreshReport, REPORT_MILLIS);
refreshReport();
setInterval(refreshBudget, BUDGET_MILLIS);
refreshBudget();
setInterval(refreshEvidence, EVIDENCE_MILLIS);
refreshEvidence();
message.loadLog();
choose(null);
