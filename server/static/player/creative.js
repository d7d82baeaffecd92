// Messages as elements: words, pictures, films, and pages in a frame that can reach nothing.

/** A picture that takes longer than this to decode is passed over until it is there. */
const READY_MILLIS = 8000;
/** Films held ready; each holds a decoder. */
const MAX_FILMS = 6;

/** Pictures and films fetched ahead, by address. */
export class Store {
  constructor() {
    this.pictures = new Map();
    this.films = new Map();
  }

  fill(creatives) {
    const wanted = new Set(creatives.map((creative) => creative.url));
    for (const known of [this.pictures, this.films]) {
      for (const url of known.keys()) if (!wanted.has(url)) known.delete(url);
    }
    for (const creative of creatives) {
      if (creative.kind === "image") this.picture(creative.url);
      if (creative.kind === "video" && this.films.size < MAX_FILMS) this.film(creative.url);
      if (creative.kind === "html") fetch(creative.url).catch(() => {});
    }
  }

  picture(url) {
    if (!this.pictures.has(url)) {
      const picture = new Image();
      picture.src = url;
      picture.decode().catch(() => this.pictures.delete(url));
      this.pictures.set(url, picture);
    }
    return this.pictures.get(url);
  }

  film(url) {
    if (!this.films.has(url)) {
      const film = document.createElement("video");
      Object.assign(film, { muted: true, loop: true, playsInline: true, preload: "auto", src: url });
      film.addEventListener("error", () => this.films.delete(url));
      this.films.set(url, film);
    }
    return this.films.get(url);
  }
}

/** The element of a message. */
export function build(creative, store) {
  const make = { text: words, image: picture, video: film, html: page }[creative.kind];
  const node = make(creative, store);
  node.classList.add("message");
  node.classList.toggle("cover", creative.fit === "cover");
  return node;
}

function words(creative) {
  const node = document.createElement("div");
  node.className = "words";
  node.style.backgroundColor = creative.background;
  node.style.color = creative.color;
  for (const part of ["title", "body"]) {
    if (!creative[part]) continue;
    const line = document.createElement(part === "title" ? "h1" : "p");
    line.className = part;
    line.textContent = creative[part];
    node.append(line);
  }
  return node;
}

function picture(creative, store) {
  const node = store.picture(creative.url).cloneNode();
  node.alt = creative.alt ?? "";
  return node;
}

function film(creative, store) {
  // The one on the glass stays there while its successor is prepared.
  const stored = store.film(creative.url);
  const node = stored.isConnected ? Object.assign(stored.cloneNode(), { muted: true }) : stored;
  node.setAttribute("aria-label", creative.alt ?? "");
  node.currentTime = 0;
  return node;
}

function page(creative) {
  const node = document.createElement("iframe");
  // No allow-same-origin: the page has an origin of its own that owns nothing.
  node.setAttribute("sandbox", "allow-scripts");
  node.setAttribute("referrerpolicy", "no-referrer");
  node.setAttribute("tabindex", "-1");
  node.title = creative.alt ?? "";
  node.src = creative.url;
  return node;
}

/** Resolves to whether the message can be painted. */
export function isReady(node) {
  const ready = {
    IMG: () => node.decode().then(() => true, () => false),
    VIDEO: () => (node.readyState >= 2 ? Promise.resolve(true) : once(node, "loadeddata", "error")),
    IFRAME: () => once(node, "load", "error"),
  }[node.tagName];
  if (!ready) return Promise.resolve(true);
  return Promise.race([ready(), new Promise((done) => setTimeout(() => done(false), READY_MILLIS))]);
}

function once(node, good, bad) {
  return new Promise((done) => {
    node.addEventListener(good, () => done(true), { once: true });
    node.addEventListener(bad, () => done(false), { once: true });
  });
}
