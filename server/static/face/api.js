// Requests of the pages before a camera.

/** What the server answered when it was not good. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? String(status));
    this.status = status;
    this.code = body.code ?? "";
    this.remedy = body.remedy ?? "";
  }
}

/** A key of a request, so that it is done once when it is sent twice. */
export function freshKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Sends a request; the JSON of its answer. `token` is that of a person's record, `revision` what a change was made to. */
export async function send(method, path, { body, token, key, revision } = {}) {
  const headers = {};
  if (token) headers.authorization = `Person ${token}`;
  if (key) headers["idempotency-key"] = key;
  if (revision !== undefined) headers["if-match"] = `"${revision}"`;
  const isForm = body instanceof FormData;
  if (body && !isForm) headers["content-type"] = "application/json";
  const answer = await fetch(path, {
    method,
    headers,
    body: body && !isForm ? JSON.stringify(body) : body,
  });
  const text = await answer.text();
  const json = text ? JSON.parse(text) : null;
  if (!answer.ok) throw new Problem(answer.status, json ?? {});
  return json;
}
