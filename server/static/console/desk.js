// Somebody at the desk asks to be looked for: photographs of them, one by one.

import { byId } from "../dom.js";
import { freshKey, send } from "../face/api.js";
import { clearProblem, go, sayProblem } from "../face/go.js";

const share = (rate) => (rate.value >= 1e-3 ? `${(100 * rate.value).toFixed(2)} %` : rate.value.toExponential(0));

function told(outcome) {
  const rates = `Compared with ${outcome.n_persons}; of strangers ${share(outcome.fpir)} would be found${outcome.fpir.is_extrapolated ? " (extrapolated)" : ""}, ` +
    `of those who enrolled ${share(outcome.fnir)} missed.`;
  return outcome.person
    ? `They are ${outcome.person}. ${rates}`
    : `Nobody who enrolled, or not near enough to say so. ${rates}`;
}

byId("desk-search").addEventListener("submit", async (event) => {
  event.preventDefault();
  clearProblem();
  const form = event.currentTarget;
  const found = byId("found");
  found.hidden = true;
  form.hidden = true;
  const begin = (mode) =>
    send("POST", "/v1/galleries/visitors/searches", {
      body: { reason: byId("reason").value, has_asked: byId("has-asked").checked, mode },
      key: freshKey(),
    });
  try {
    const outcome = await go(begin, { withColors: false, withCamera: false });
    found.textContent = told(outcome);
    found.hidden = false;
    found.focus();
  } catch (error) {
    sayProblem(error);
  }
  byId("has-asked").checked = false;
  form.hidden = false;
});
