// The first-layer notice: always below the message, in every language in turn.

/** Long enough to read the notice once in each language. */
const ROTATE_MILLIS = 8000;
/** Share of the notice that has to be inside the window to count as in view. */
const MIN_SHARE_IN_VIEW = 0.98;
/** Places of each part that are looked at for something lying over it, as shares of its width and height. */
const PROBES = [[0.04, 0.5], [0.35, 0.2], [0.5, 0.5], [0.65, 0.8], [0.96, 0.5]];
/** How often the browser itself may say that the notice is covered; it takes no less. */
const WATCH_MILLIS = 100;

export class Notice {
  constructor(element, lab) {
    this.element = element;
    this.lab = lab;
    this.titleElement = element.querySelector(".title");
    this.linesElement = element.querySelector(".lines");
    this.stateElement = element.querySelector(".state");
    this.moreElement = element.querySelector(".more");
    this.texts = [];
    this.turn = 0;
    this.hash = null;
    this.isOpen = null;
    this.isOccluded = false;
    this.watch();
    setInterval(() => this.rotate(), ROTATE_MILLIS);
  }

  /** Takes a notice from the server. */
  show(notice) {
    this.hash = notice.hash;
    this.texts = notice.texts;
    this.turn = 0;
    this.lab.hidden = !notice.lab;
    this.draw();
  }

  /** Takes the code that shows that whoever scans it is here. */
  place(place) {
    const link = this.element.querySelector(".qr");
    link.href = place.privacy_path;
    link.querySelector("img").src = place.qr_path;
  }

  rotate() {
    if (this.texts.length < 2) return;
    this.turn = (this.turn + 1) % this.texts.length;
    this.draw();
  }

  draw() {
    const text = this.texts[this.turn];
    if (!text) return;
    this.element.lang = text.language;
    this.titleElement.textContent = text.title;
    this.linesElement.replaceChildren(
      ...text.lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })),
    );
    const states = new Map([[true, text.camera_on], [false, text.camera_off], [null, text.camera_unknown]]);
    this.stateElement.textContent = states.get(this.isOpen);
    this.stateElement.classList.toggle("open", this.isOpen === true);
    this.stateElement.classList.toggle("unknown", this.isOpen === null);
    this.moreElement.textContent = text.more;
    this.lab.lang = text.language;
    this.lab.textContent = text.banner ?? "";
    this.element.hidden = false;
  }

  /** Takes the state of the camera that watches the audience of this screen. */
  camera(camera) {
    this.isOpen = camera.open;
    this.stateElement.title = camera.refusal?.reason ?? "";
    this.draw();
  }

  /** Nobody says any more whether the camera is open. The notice stays. */
  lost() {
    this.isOpen = null;
    this.stateElement.title = "";
    this.draw();
  }

  /** Where the browser can tell, it says itself when something lies over the notice or makes it faint. */
  watch() {
    if (!("isVisible" in (globalThis.IntersectionObserverEntry?.prototype ?? {}))) return;
    const watcher = new IntersectionObserver(
      (entries) => {
        const last = entries.at(-1);
        this.isOccluded = last.isIntersecting && !last.isVisible;
      },
      { trackVisibility: true, delay: WATCH_MILLIS },
    );
    watcher.observe(this.element);
  }

  /** Whether a person in front of the screen can see the notice right now. */
  isInView() {
    if (this.hash === null || document.visibilityState !== "visible") return false;
    if (this.titleElement.textContent === "" || this.linesElement.childElementCount === 0) return false;
    const isDrawn = this.element.checkVisibility?.({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true }) ?? true;
    if (!isDrawn) return false;
    const box = this.element.getBoundingClientRect();
    const width = Math.min(box.right, innerWidth) - Math.max(box.left, 0);
    const height = Math.min(box.bottom, innerHeight) - Math.max(box.top, 0);
    const area = box.width * box.height;
    if (area === 0 || width <= 0 || height <= 0 || width * height < MIN_SHARE_IN_VIEW * area) return false;
    if (this.isOccluded) return false;
    return [this.element, this.titleElement, this.linesElement, this.element.querySelector(".qr")].every((part) => this.isUncovered(part));
  }

  /** Nothing lies over this part of the notice. */
  isUncovered(part) {
    const box = part.getBoundingClientRect();
    if (box.width === 0 || box.height === 0) return false;
    return PROBES.every(([x, y]) => {
      const top = document.elementFromPoint(box.left + box.width * x, box.top + box.height * y);
      return top !== null && this.element.contains(top);
    });
  }
}
