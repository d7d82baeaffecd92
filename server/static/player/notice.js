// The first-layer notice: always below the message, in every language in turn.

/** Long enough to read the notice once in each language. */
const ROTATE_MILLIS = 8000;
/** Share of the notice that has to be inside the window to count as in view. */
const MIN_SHARE_IN_VIEW = 0.98;

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
    setInterval(() => this.rotate(), ROTATE_MILLIS);
  }

  /** Takes a notice from the server. */
  show(notice) {
    this.hash = notice.hash;
    this.texts = notice.texts;
    this.turn = 0;
    this.lab.hidden = !notice.lab;
    const link = this.element.querySelector(".qr");
    link.href = notice.privacy_path;
    link.querySelector("img").src = notice.qr_path;
    this.draw();
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
    this.stateElement.textContent = this.isOpen ? text.camera_on : text.camera_off;
    this.moreElement.textContent = text.more;
    this.lab.lang = text.language;
    this.lab.textContent = text.banner ?? "";
    this.element.hidden = false;
  }

  /** Takes the state of the camera that watches the audience of this screen. */
  camera(camera) {
    this.isOpen = camera.open;
    this.stateElement.classList.toggle("open", camera.open);
    this.stateElement.title = camera.refusal?.reason ?? "";
    this.draw();
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
    return this.isUncovered(box);
  }

  /** Nothing lies over the middle or the ends of the notice. */
  isUncovered(box) {
    return [0.08, 0.5, 0.92].every((share) => {
      const top = document.elementFromPoint(box.left + box.width * share, box.top + box.height / 2);
      return top !== null && this.element.contains(top);
    });
  }
}
