// Somebody takes part in a study: agrees, tries out the camera, rests, looks, answers, and keeps the key to all of it.

import { byId, say } from "../dom.js";
import { freshKey, Problem, send } from "../face/api.js";
import { word } from "../face/words.js";
import { build, isReady, Store } from "../player/creative.js";
import { Camera } from "./camera.js";
import { ask } from "./questions.js";

/** Frames that a rate is measured over; the least time for a fast camera, and the longest that a slow one is waited for. */
const CHECK_FRAMES = 45;
const CHECK_MILLIS = [2000, 10000];

const page = document.querySelector("main");
const store = new Store();
let seated = null;
let camera = null;
let isStopped = false;
let n_seen = 0;

const rest = (millis) => new Promise((resolve) => setTimeout(resolve, Math.max(0, millis)));
const nextPaint = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));

function complain(error) {
  const note = byId("mistake");
  const isRefusal = error instanceof Problem && error.status < 500;
  const remedy = error.remedy ? ` (${error.remedy})` : "";
  note.textContent = isRefusal ? `${word("refused")} ${error.message}${remedy}` : word("failed");
  note.hidden = false;
  note.focus();
}

function keepsAsFile(link, text, name) {
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = name;
  link.hidden = false;
}

async function agree(form) {
  const body = {
    invitation: page.dataset.invitation,
    agrees: form.elements.agrees.checked,
    is_adult: form.elements.adult.checked,
    language: page.dataset.lang,
  };
  seated = await send("POST", "/v1/sittings", { body, key: freshKey() });
  store.fill(seated.creatives);
  byId("intro").hidden = true;
  byId("camera").hidden = false;
  byId("camera-title").focus();
}

function seen(what) {
  n_seen += 1;
  say(byId("face"), word(what.n_faces === 0 ? "no_face" : "face_seen"));
}

/** Tries out the camera: how fast its frames really come. */
async function check() {
  say(byId("rate"), word("measuring"));
  n_seen = 0;
  const began = performance.now();
  await camera.mark("check", began);
  const [least, most] = CHECK_MILLIS;
  const isOver = (millis) => millis >= most || (n_seen >= CHECK_FRAMES && millis >= least);
  while (!isOver(performance.now() - began)) await rest(50);
  const told = await camera.mark("checked", performance.now());
  const rate = told.frames_per_sec;
  say(byId("rate"), rate === null ? "" : `${rate.toFixed(0)} ${word("frames_per_sec")}`);
  const movements = { granted: "movements_on", refused: "movements_off" }[told.movements];
  byId("movements").dataset.code = told.movements_code ?? "";
  say(byId("movements"), movements ? word(movements) : "");
  byId("ready").hidden = false;
}

async function openCamera() {
  byId("mistake").hidden = true;
  const button = byId("start-camera");
  button.disabled = true;
  camera = new Camera(byId("video"), seen, () => {
    if (!isStopped) complain(new Error("closed"));
  });
  try {
    await camera.open(seated.wants_movements);
  } catch {
    complain(new Problem(400, { detail: word("no_camera") }));
    button.disabled = false;
    return;
  }
  button.hidden = true;
  byId("live").hidden = false;
  await camera.connect(seated.sitting);
  await check();
}

function show(node) {
  byId("shown").replaceChildren(node);
}

/** The rest before the first message; whether enough was seen. */
async function restBefore() {
  const cross = document.createElement("div");
  cross.className = "cross";
  cross.textContent = "+";
  show(cross);
  say(byId("said"), word("look_at_cross"));
  await nextPaint();
  await camera.mark("rest", performance.now());
  await rest(seated.rest_millis);
  const told = await camera.mark("end", performance.now());
  return told.has_neutral;
}

async function showMessage(creative) {
  const node = build(creative, store);
  await isReady(node);
  show(node);
  node.play?.();
  say(byId("said"), creative.alt ?? "");
  await nextPaint();
  const began = performance.now();
  await camera.mark("message", began, creative.id);
  await rest(creative.duration_millis - (performance.now() - began));
  await camera.mark("end", performance.now());
}

async function run() {
  byId("stage").hidden = false;
  if (!(await restBefore())) {
    byId("stage").hidden = true;
    complain(new Problem(400, { detail: word("no_rest") }));
    return;
  }
  byId("camera").hidden = true;
  for (const [at, creative] of seated.creatives.entries()) {
    if (isStopped) return;
    byId("stage").hidden = false;
    await showMessage(creative);
    if (isStopped) return;
    byId("stage").hidden = true;
    if (seated.questions.length === 0) continue;
    const which = `${word("showing")} ${at + 1} ${word("of")} ${seated.creatives.length}`;
    const answers = await ask(seated.questions, which);
    await send("POST", `/v1/sittings/${seated.sitting}/answers`, { body: { creative: creative.id, answers } });
  }
  await getUp();
}

async function getUp() {
  byId("stage").hidden = true;
  // The socket closes with the sitting, which is no failure then.
  isStopped = true;
  let ended;
  try {
    ended = await send("POST", `/v1/sittings/${seated.sitting}/end`, { key: freshKey() });
  } catch (error) {
    isStopped = false;
    throw error;
  }
  camera.close();
  document.exitFullscreen?.().catch(() => {});
  byId("kept").hidden = !ended.is_kept;
  byId("not-kept").hidden = ended.is_kept;
  byId("record-token").textContent = seated.token;
  const code = byId("record-code");
  code.src = URL.createObjectURL(new Blob([seated.token_qr_svg], { type: "image/svg+xml" }));
  code.hidden = !seated.token_qr_svg;
  keepsAsFile(byId("receipt"), seated.receipt, "regard-receipt-research.jws");
  byId("done").hidden = false;
  byId("done-title").focus();
}

/** Erases the record: what was given goes with its key. */
async function erase() {
  const proof = await send("DELETE", "/v1/persons/me", { token: seated.token });
  byId("done").hidden = true;
  keepsAsFile(byId("proof"), JSON.stringify(proof), "regard-erasure-proof.json");
  byId("gone").hidden = false;
  byId("gone-title").focus();
}

async function stop() {
  if (isStopped) return;
  isStopped = true;
  camera?.close();
  document.exitFullscreen?.().catch(() => {});
  for (const id of ["stage", "camera", "questions"]) byId(id).hidden = true;
  byId("gone-words").textContent = word("stopped");
  await send("DELETE", `/v1/sittings/${seated.sitting}`);
  await erase();
}

const guarded = (work) => (event) => {
  event?.preventDefault();
  return work(event).catch((error) => {
    if (!isStopped) complain(error);
  });
};

byId("agree")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const button = form.querySelector("button");
  button.disabled = true;
  byId("mistake").hidden = true;
  agree(form).catch((error) => {
    complain(error);
    button.disabled = false;
  });
});
byId("start-camera")?.addEventListener("click", guarded(openCamera));
byId("begin")?.addEventListener("click", guarded(async () => {
  byId("mistake").hidden = true;
  await document.documentElement.requestFullscreen?.().catch(() => {});
  await run();
}));
byId("stop")?.addEventListener("click", guarded(stop));
byId("erase")?.addEventListener("click", guarded(erase));
