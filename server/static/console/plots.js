// Plots come as SVG from the server; the page only asks for new ones.
import { byId } from "/static/dom.js";

const REFRESH_MILLIS = 2000;
const MINUTES = 5;

export class Plots {
  constructor() {
    this.camera = null;
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.dark.addEventListener("change", () => this.refresh());
    setInterval(() => this.refresh(), REFRESH_MILLIS);
  }

  choose(camera) {
    this.camera = camera;
    this.refresh();
  }

  refresh() {
    if (this.camera === null || document.visibilityState !== "visible") return;
    const theme = this.dark.matches ? "dark" : "light";
    for (const name of ["attention", "expression"]) {
      swap(byId(`${name}-plot`), `/console/plots/${name}.svg?minutes=${MINUTES}&camera=${encodeURIComponent(this.camera)}&theme=${theme}`);
    }
  }
}

/** Replaces a picture when its successor has arrived, so that it never flickers. */
export function swap(image, address) {
  const next = new Image();
  next.onload = () => {
    image.src = next.src;
  };
  next.src = `${address}&at=${Date.now()}`;
}
