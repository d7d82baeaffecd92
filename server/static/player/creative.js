// Messages as elements: words, pictures, films, and pages in a frame that can reach nothing.

/** Films held ready; each holds a decoder. */
const MAX_FILMS = 6;

/** Pictures and films fetched ahead, by address. */
export class Store {
  constructor() {
    this.pictures = new Map();
    this.films = new Map();
    this.pages = new Map();
  }

  fill(creatives) {
    const wanted = new Set(creatives.map((creative) => creative.url));
    for (const known of [this.pictures, this.films, this.pages]) {
      for (const url of known.keys()) if (!wanted.has(url)) known.delete(url);
    }
    for (const creative of creatives) {
      if (creative.kind === "image") this.picture(creative.url);
      if (creative.kind === "video" && this.films.size < MAX_FILMS) this.film(creative.url);
      if (creative.kind === "html") this.page(creative.url);
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

  /** Browsers keep what frames load apart from what pages fetch: so it is a frame that fetches it, without scripts. */
  page(url) {
    if (this.pages.has(url)) return;
    const frame = document.createElement("iframe");
    Object.assign(frame, { hidden: true, src: url, title: "" });
    frame.setAttribute("sandbox", "");
    frame.setAttribute("aria-hidden", "true");
    frame.addEventListener("load", () => frame.remove(), { once: true });
    this.pages.set(url, true);
    document.body.append(frame);
  }
}

/** The element of a message. */
export function build(creative, store) {
  const make = { text: words, image: picture, video: film, html: page }[creative.kind];
  const node = make(creative, store);
  node.classList.add("message");
  if (creative.language) node.lang = creative.language;
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
  if (node.currentTime > 0) node.currentTime = 0;
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

/** The code of a message that leads somewhere, with the name of where; it came with the decision. */
export function scanCard(scan) {
  if (!scan) return [];
  const card = document.createElement("figure");
  card.className = "scan";
  const code = document.createElement("img");
  code.src = `data:image/svg+xml,${encodeURIComponent(scan.qr_svg)}`;
  code.alt = `QR code to ${scan.host}`;
  const name = document.createElement("figcaption");
  name.textContent = scan.host;
  card.append(code, name);
  return [card];
}

/** Resolves to whether the message can be painted: once it can, or has failed. Until then the one before stays. */
export function isReady(node) {
  const ready = {
    IMG: () => node.decode().then(() => true, () => false),
    // A film that was wound back has its first picture again with "seeked", a new one with "loadeddata".
    VIDEO: () => (node.readyState >= 2 && !node.seeking ? Promise.resolve(true) : first(node, ["loadeddata", "canplay", "seeked"])),
    IFRAME: () => first(node, ["load"]),
  }[node.tagName];
  return ready ? ready() : Promise.resolve(true);
}

function first(node, events) {
  return new Promise((done) => {
    for (const name of events) node.addEventListener(name, () => done(true), { once: true });
    node.addEventListener("error", () => done(false), { once: true });
  });
}
