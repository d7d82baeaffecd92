// Somebody enrols: agrees to each purpose by itself, keeps the token of their record, shows their face.

import { byId, element } from "../dom.js";
import { freshKey, send } from "./api.js";
import { clearProblem, go, sayProblem, showDrawing } from "./go.js";

/** Purposes for which a face is measured. */
const FACE_PURPOSES = new Set(["verify", "identify", "analyse_library"]);

const page = document.querySelector("main");
let token = null;

function keepsAsFile(link, text, name) {
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = name;
  link.hidden = false;
}

function ticked(form) {
  return Array.from(form.querySelectorAll("[name=purpose]:checked"), (box) => box.value);
}

/** The release has to be signed where a face is to be measured, and for nothing else. */
function wantSignature(form) {
  const isWanted = ticked(form).some((purpose) => FACE_PURPOSES.has(purpose));
  for (const field of form.querySelectorAll("[name=signed], [name=signed_by]")) field.required = isWanted;
}

/** What was signed for a purpose; nothing where the page shows no release, or the purpose wants none. */
function signature(form, purpose) {
  const release = form.querySelector("[name=release]");
  if (!release || !FACE_PURPOSES.has(purpose)) return undefined;
  return {
    sha256: release.value,
    name: form.querySelector("[name=signed_by]").value,
    is_ticked: form.querySelector("[name=signed]").checked,
  };
}

async function agree(form) {
  const purposes = ticked(form);
  const custody = form.querySelector("[name=custody]:checked")?.value ?? null;
  const { screen, code } = page.dataset;
  const made = await send("POST", "/enroll/persons", { body: { screen, code, custody }, key: freshKey() });
  token = made.token;
  byId("record").hidden = false;
  byId("record-token").textContent = made.token;
  showDrawing(byId("record-code"), made.token_qr_svg);
  for (const purpose of purposes) {
    const offer = await send("POST", "/v1/persons/me/offers", { body: { purpose }, token });
    const body = { offer: offer.offer, release: signature(form, purpose) };
    const receipt = await send("POST", "/v1/persons/me/consents", { body, token, key: freshKey() });
    const link = element("a", {}, purpose);
    keepsAsFile(link, receipt.receipt, `regard-receipt-${purpose}.jws`);
    byId("receipts").append(element("li", {}, link));
  }
  return purposes;
}

async function enroll() {
  clearProblem();
  byId("start").hidden = true;
  const withColors = byId("with-colors").checked;
  const begin = (mode) =>
    send("POST", "/v1/persons/me/faces", { body: { mode, act: "qr" }, token, key: freshKey() });
  try {
    const outcome = await go(begin, { withColors });
    byId("done").hidden = false;
    byId("done-title").focus();
    if (outcome.face_token) {
      byId("face-token").hidden = false;
      showDrawing(byId("face-code"), outcome.face_token_qr_svg);
      keepsAsFile(byId("face-file"), outcome.face_token, "regard-face-token.txt");
    } else {
      byId("held-by-site").hidden = false;
    }
  } catch (error) {
    sayProblem(error);
    byId("start").hidden = false;
  }
}

const asked = byId("agree");
if (asked) wantSignature(asked);
asked?.addEventListener("change", () => wantSignature(asked));
asked?.addEventListener("submit", async (event) => {
  event.preventDefault();
  clearProblem();
  const form = event.currentTarget;
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const purposes = await agree(form);
    form.hidden = true;
    const hasFace = purposes.some((purpose) => FACE_PURPOSES.has(purpose));
    byId("start").hidden = !hasFace;
    if (hasFace) byId("start-camera").focus();
  } catch (error) {
    sayProblem(error);
    button.disabled = false;
  }
});
byId("start-camera")?.addEventListener("click", enroll);
