// Somebody shows that they are whom their face token was made for.

import { byId, say } from "../dom.js";
import { freshKey, send } from "./api.js";
import { clearProblem, go, sayProblem } from "./go.js";
import { word } from "./words.js";

const { audience, nonce, screen, code } = document.querySelector("main").dataset;
const at = screen ? `?${new URLSearchParams({ screen, code })}` : "";

byId("token-file").addEventListener("change", async ({ currentTarget }) => {
  const file = currentTarget.files[0];
  if (file) byId("token").value = (await file.text()).trim();
});

byId("claim").addEventListener("submit", async (event) => {
  event.preventDefault();
  clearProblem();
  const form = event.currentTarget;
  form.hidden = true;
  byId("answer").hidden = true;
  const claim = { face_token: byId("token").value.trim() };
  if (audience) Object.assign(claim, { audience, nonce });
  const begin = (mode) => send("POST", "/v1/verifications", { body: { ...claim, mode }, key: freshKey() });
  try {
    const outcome = await go(begin, { withColors: byId("with-colors").checked, at });
    byId("answer").hidden = false;
    say(byId("answer-words"), word(outcome.is_match ? "same_person" : "other_person"));
    byId("answer-words").className = outcome.is_match ? "done" : "mistake";
    byId("assertion").hidden = !outcome.assertion;
    byId("assertion-text").value = outcome.assertion ?? "";
    byId("welcome").hidden = !outcome.welcome?.is_welcome;
    byId("no-welcome").hidden = !outcome.welcome || outcome.welcome.is_welcome;
    say(byId("no-welcome-why"), outcome.welcome?.reason ?? "");
    byId("answer-words").focus();
  } catch (error) {
    sayProblem(error);
  }
  form.hidden = false;
});
