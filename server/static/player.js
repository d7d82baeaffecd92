// The screen: shows what the engine decides, carries the notice, reports back.
import { listen } from "/static/feed.js";
import { Glass } from "/static/player/glass.js";
import { Notice } from "/static/player/notice.js";
import { Reporter } from "/static/player/report.js";

const IDLE_MILLIS = 3000;

const screen = document.body.dataset.screen;
const base = `/v1/screens/${encodeURIComponent(screen)}`;
const notice = new Notice(document.getElementById("notice"), document.getElementById("lab"));
const reporter = new Reporter(base, notice);
const mark = document.getElementById("preview-mark");
const glass = new Glass(document.getElementById("stage"), {
  onGlass: (shown) => {
    if (shown.marks) return; // A preview is no play.
    mark.hidden = true;
    reporter.begin(shown);
  },
  onParted: () => reporter.progress(true),
});
const offline = document.getElementById("offline");

listen(
  `${base}/events`,
  {
    notice: (text) => notice.show(text),
    place: (place) => notice.place(place),
    layout: (layout) => glass.part(layout.slots),
    preload: (list) => glass.preload(list.creatives),
    decision: (decision) => glass.show(decision),
    preview: (preview) => {
      // Before the message changes: a preview is never seen without its mark.
      mark.replaceChildren(...preview.marks.map(({ language, text }) => Object.assign(document.createElement("span"), { lang: language, textContent: text })));
      mark.hidden = false;
      reporter.progress(true);
      glass.preview(preview);
    },
    camera: (camera) => notice.camera(camera),
  },
  (isHeard) => {
    offline.hidden = isHeard;
    if (!isHeard) notice.lost();
  },
);

reporter.start();
keepAwake();
hideIdlePointer();

/** A screen that dims shows no notice. Refused without harm where the browser does not allow it. */
function keepAwake() {
  const request = () => {
    if (document.visibilityState === "visible") navigator.wakeLock?.request("screen").catch(() => {});
  };
  document.addEventListener("visibilitychange", request);
  request();
}

function hideIdlePointer() {
  let timer = 0;
  const wake = () => {
    document.body.classList.remove("idle");
    clearTimeout(timer);
    timer = setTimeout(() => document.body.classList.add("idle"), IDLE_MILLIS);
  };
  addEventListener("pointermove", wake);
  wake();
}
