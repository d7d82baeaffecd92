// One go before the camera: pictures out, what is to be done back, until it is over.

import { byId, say } from "../dom.js";
import { freshKey, Problem, send } from "./api.js";
import { frameOf, openCamera, photoOf } from "./camera.js";
import { word } from "./words.js";

/** Ten frames a second: a challenge wants eight. */
const FRAME_MILLIS = 100;

/** What the picture shows as its left is the visitor's right. */
const TURNS = { left: "turn_right", right: "turn_left", up: "turn_up", down: "turn_down" };

/** Faults that have words of their own. */
const FAULTS = new Set(["timed_out", "wrong_turn", "face_lost", "no_response"]);

function told(step) {
  if (step.kind === "turn") return word(TURNS[step.direction]);
  if (step.kind === "colors") return word("hold_still");
  if (step.kind === "done") return word("wait");
  return word("look_ahead");
}

function show(seen) {
  say(byId("step"), told(seen.step));
  const hint = seen.n_faces === 0 ? "nobody" : seen.hints[0];
  say(byId("hint"), seen.step.kind === "colors" || !hint ? "" : word(hint));
  const done = seen.good.done + seen.turns.done;
  const bar = byId("progress");
  bar.max = seen.good.wanted + seen.turns.wanted;
  bar.value = done;
}

/** Why it came to nothing, in words. */
export function why(faults) {
  const known = faults.find((fault) => FAULTS.has(fault));
  return known ? word(known) : word("not_live");
}

async function look(capture, blob, takenAt) {
  const form = new FormData();
  if (takenAt !== undefined) form.append("taken_at", String(takenAt));
  form.append("picture", blob, "picture.jpg");
  const seen = await send("POST", `/v1/captures/${capture}/pictures`, { body: form });
  return seen.pictures.at(-1);
}

const nextPaint = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
const rest = (millis) => new Promise((resolve) => setTimeout(resolve, Math.max(0, millis)));

/** Lights the face: one colour after the other over all of the screen. Returns when they are over. */
async function light(capture, colors) {
  const screen = byId("colors");
  screen.hidden = false;
  screen.style.backgroundColor = colors[0].color;
  await nextPaint();
  const began = performance.now();
  await send("POST", `/v1/captures/${capture}/colors`, { body: { at_millis: began } });
  let ends = began;
  for (const { color, lasts_millis } of colors) {
    screen.style.backgroundColor = color;
    ends += lasts_millis;
    await rest(ends - performance.now());
  }
  screen.hidden = true;
}

async function live(begun, isStopped) {
  const video = byId("video");
  let [step, lit] = [begun.step, null];
  while (step.kind !== "done") {
    if (isStopped()) return null;
    if (step.kind === "colors" && !lit) lit = light(begun.capture, step.colors);
    const takenAt = performance.now();
    const seen = await look(begun.capture, await frameOf(video), takenAt);
    show(seen);
    step = seen.step;
    if (seen.faults.length > 0) return seen.faults;
    await rest(FRAME_MILLIS - (performance.now() - takenAt));
  }
  await lit;
  return [];
}

/** Resolves with the next photograph that the visitor takes. */
function nextPhoto(isStopped) {
  const input = byId("photo");
  return new Promise((resolve, reject) => {
    input.onchange = () => (input.files[0] ? resolve(photoOf(input.files[0])) : null);
    byId("stop").addEventListener("click", () => isStopped() && reject(new Error("stopped")), { once: true });
  });
}

async function photos(begun, isStopped) {
  let step = begun.step;
  say(byId("step"), told(step));
  while (step.kind !== "done") {
    const blob = await nextPhoto(isStopped);
    byId("photo").value = "";
    const seen = await look(begun.capture, blob);
    show(seen);
    step = seen.step;
    if (seen.faults.length > 0) return seen.faults;
  }
  return [];
}

/**
 * Runs one go. `begin(mode)` asks for it and gives its beginning; what came of it is returned, or
 * thrown as words. `at` says before which screen the visitor stands; without `withCamera` photographs are asked for at
 * once. The camera closes whatever comes.
 */
export async function go(begin, { withColors, withCamera = true, at = "" }) {
  const stage = byId("stage");
  stage.hidden = false;
  let isStopped = false;
  const stop = byId("stop");
  stop.onclick = () => {
    isStopped = true;
  };
  let close = null;
  try {
    if (withCamera) close = await openCamera(byId("video"));
  } catch {
    // The browser or the visitor said no: photographs, one by one.
  }
  byId("live").hidden = close === null;
  byId("photos").hidden = close !== null;
  const mode = close ? { kind: "live", is_in_hand: true, can_color: withColors } : { kind: "photos" };
  try {
    const begun = await begin(mode);
    const run = close ? live : photos;
    const faults = await run(begun, () => isStopped);
    if (faults === null) {
      await send("DELETE", `/v1/captures/${begun.capture}`);
      throw new Error(word("failed"));
    }
    try {
      return await send("POST", `/v1/captures/${begun.capture}/end${at}`, { key: freshKey() });
    } catch (problem) {
      if (problem instanceof Problem && problem.code === "liveness_failed") throw new Error(why(faults));
      throw problem;
    }
  } finally {
    close?.();
    byId("colors").hidden = true;
    stage.hidden = true;
  }
}

/** What went wrong, for the visitor. */
export function sayProblem(error) {
  const note = byId("mistake");
  const isRefusal = error instanceof Problem && error.status < 500;
  note.textContent = isRefusal
    ? `${word("refused")} ${error.message}${error.remedy ? ` (${error.remedy})` : ""}`
    : error.message || word("failed");
  note.hidden = false;
  note.focus();
}

export function clearProblem() {
  byId("mistake").hidden = true;
}

/** A drawing that came as text, in a picture: what is in it cannot act. */
export function showDrawing(image, svg) {
  image.src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  image.hidden = false;
}
