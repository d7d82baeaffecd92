// Zones that are never looked at, drawn over the stage: with a pointer, or as numbers. No picture is needed: faces in view are
// outlined, and while zones are drawn the stage remembers, here alone, where faces stood.
import { byId, drawing, element, say } from "/static/dom.js";

/** Corners are in thousandths of width and height. */
const PARTS = 1000;
const MAX_ZONES = 16;
const MAX_CORNERS = 32;
/** A press that moves less than this is a click. */
const MIN_DRAG_PARTS = 10;
const HEAT = { columns: 40, rows: 22, millis: 500 };

/** What is pulled so near to the edge of the picture is meant to reach it. */
const EDGE_PARTS = 15;

const part = (share) => Math.round(Math.min(Math.max(share, 0), 1) * PARTS);
const toEdge = (value) => (value < EDGE_PARTS ? 0 : value > PARTS - EDGE_PARTS ? PARTS : value);
const percent = (value) => (value / 10).toFixed(1);

function rectangle([x0, y0], [x1, y1]) {
  const [left, right] = [Math.min(x0, x1), Math.max(x0, x1)];
  const [top, bottom] = [Math.min(y0, y1), Math.max(y0, y1)];
  return [[left, top], [right, top], [right, bottom], [left, bottom]];
}

export class Zones {
  constructor() {
    this.svg = byId("zone-drawing");
    this.button = byId("draw-zones");
    this.editor = byId("zone-editor");
    this.list = byId("zone-list");
    this.size = { width: 1600, height: 900 };
    this.camera = null;
    this.reset({ version: 0, zones: [] });
    this.button.addEventListener("click", () => this.open(this.editor.hidden));
    byId("zone-rectangle").addEventListener("click", () => this.add(rectangle([400, 400], [600, 600])));
    byId("zone-shape").addEventListener("click", () => this.startShape());
    byId("zone-finish").addEventListener("click", () => this.finishShape());
    byId("zone-discard").addEventListener("click", () => this.load());
    byId("zone-save").addEventListener("click", () => this.save());
    this.svg.addEventListener("pointerdown", (event) => this.press(event));
    this.svg.addEventListener("pointermove", (event) => this.move(event));
    this.svg.addEventListener("pointerup", (event) => this.release(event));
    this.svg.addEventListener("pointercancel", () => this.draw((this.drag = null)));
  }

  reset({ version, zones }) {
    this.version = version;
    this.zones = zones;
    this.shape = null;
    this.drag = null;
    this.isChanged = false;
    this.heat = new Map();
  }

  async choose(camera) {
    this.camera = camera;
    this.button.hidden = camera === null;
    this.open(false);
    this.reset({ version: 0, zones: [] });
    this.draw();
    if (camera !== null) await this.load();
  }

  get address() {
    return `/v1/cameras/${encodeURIComponent(this.camera)}/zones`;
  }

  async load() {
    const camera = this.camera;
    const response = await fetch(this.address).catch(() => null);
    if (!response?.ok || camera !== this.camera) return;
    this.reset(await response.json());
    this.show(this.zones.length ? `${this.zones.length} in force.` : "None in force.");
  }

  open(isOpen) {
    this.editor.hidden = !isOpen;
    this.button.setAttribute("aria-expanded", String(isOpen));
    this.svg.classList.toggle("editing", isOpen);
    this.heat = new Map();
    if (!isOpen) this.shape = null;
    this.draw();
  }

  /** Hears what the camera sees: the size of its frames, and where faces are. */
  take(view) {
    const { width, height } = view.frame;
    const isOther = width !== this.size.width || height !== this.size.height;
    this.size = { width, height };
    if (!this.editor.hidden) {
      for (const { bbox } of view.faces) {
        const column = Math.floor(((bbox.left + bbox.width / 2) / width) * HEAT.columns);
        const row = Math.floor(((bbox.top + bbox.height / 2) / height) * HEAT.rows);
        const cell = `${column} ${row}`;
        this.heat.set(cell, (this.heat.get(cell) ?? 0) + 1);
      }
    }
    const isDue = !this.editor.hidden && !this.drag && performance.now() - (this.drawnAt ?? 0) > HEAT.millis;
    if (isOther || isDue) this.draw();
  }

  add(zone) {
    if (this.zones.length >= MAX_ZONES) return this.say(`A camera has at most ${MAX_ZONES} zones.`);
    this.zones.push(zone);
    this.changed("Added. Save to put it in force.");
  }

  changed(words) {
    this.isChanged = true;
    this.show(words);
  }

  show(words) {
    this.say(words);
    this.fill();
    this.draw();
  }

  say(words) {
    say(byId("zone-state"), words);
  }

  startShape() {
    this.shape = this.shape ? null : [];
    this.show(this.shape ? "Press on the stage for each corner, then finish the shape." : "");
  }

  finishShape() {
    const shape = this.shape ?? [];
    this.shape = null;
    if (shape.length >= 3) this.add(shape);
    else this.show("A shape has three corners at least.");
  }

  /** Where on the picture, in thousandths. */
  at(event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    return [toEdge(part(point.x / this.size.width)), toEdge(part(point.y / this.size.height))];
  }

  press(event) {
    if (this.editor.hidden || event.button !== 0) return;
    event.preventDefault();
    this.svg.setPointerCapture(event.pointerId);
    const { zone, corner } = event.target.dataset;
    const at = this.at(event);
    if (corner !== undefined) this.drag = { corner: this.zones[zone][corner] };
    else this.drag = { from: at, to: at };
  }

  move(event) {
    if (!this.drag) return;
    const at = this.at(event);
    if (this.drag.corner) this.drag.corner.splice(0, 2, ...at);
    else this.drag.to = at;
    this.draw();
  }

  release(event) {
    const drag = this.drag;
    this.drag = null;
    if (!drag) return;
    if (drag.corner) return this.changed("Moved. Save to put it in force.");
    const to = this.at(event);
    const isDrag = to.some((value, i) => Math.abs(value - drag.from[i]) >= MIN_DRAG_PARTS);
    if (this.shape) this.corner(drag.from);
    else if (isDrag) this.add(rectangle(drag.from, to));
    else this.draw();
  }

  corner(at) {
    if (this.shape.length >= MAX_CORNERS) return this.say(`A shape has at most ${MAX_CORNERS} corners.`);
    this.shape.push(at);
    this.show(`${this.shape.length} corners.`);
  }

  async save() {
    const body = JSON.stringify({ based_on: this.version, zones: this.zones });
    const response = await fetch(this.address, { method: "PUT", headers: { "content-type": "application/json" }, body }).catch(() => null);
    if (response?.ok) {
      this.reset(await response.json());
      return this.show(`Saved: ${this.zones.length} in force, and in the ledger as version ${this.version}.`);
    }
    const problem = await response?.json().catch(() => null);
    this.say(problem ? `Not saved: ${problem.detail}.${problem.remedy ? ` To do: ${problem.remedy}.` : ""}` : "Not saved: the engine does not answer.");
  }

  /** The zones as numbers: the way without a pointer. */
  fill() {
    byId("zone-finish").hidden = this.shape === null;
    byId("zone-shape").setAttribute("aria-pressed", String(this.shape !== null));
    byId("zone-save").disabled = !this.isChanged;
    byId("zone-discard").disabled = !this.isChanged;
    this.list.replaceChildren(...this.zones.map((zone, index) => this.row(zone, index)));
  }

  row(zone, index) {
    const name = `Zone ${index + 1}`;
    const remove = element("button", { class: "button", type: "button" }, "Remove", element("span", { class: "visually-hidden" }, ` ${name}`));
    remove.addEventListener("click", () => {
      this.zones.splice(index, 1);
      this.changed(`${name} removed. Save to put it out of force.`);
      byId("zone-rectangle").focus();
    });
    const corners = zone.map((corner, place) =>
      element(
        "span", { class: "corner" },
        this.number(corner, 0, `${name}, corner ${place + 1}, percent from the left`),
        this.number(corner, 1, `${name}, corner ${place + 1}, percent from the top`),
      ),
    );
    return element("li", {}, element("strong", {}, name), " ", ...corners, remove);
  }

  number(corner, axis, label) {
    const input = element("input", { type: "number", min: 0, max: 100, step: 0.1, value: percent(corner[axis]), "aria-label": label });
    input.addEventListener("change", () => {
      const typed = input.value === "" ? NaN : Number(input.value);
      if (Number.isFinite(typed)) corner[axis] = part(typed / 100);
      input.value = percent(corner[axis]);
      if (!Number.isFinite(typed)) return this.say("That is no number: the corner stays where it was.");
      this.isChanged = true;
      byId("zone-save").disabled = byId("zone-discard").disabled = false;
      this.say("Changed. Save to put it in force.");
      this.draw();
    });
    return input;
  }

  draw() {
    this.drawnAt = performance.now();
    const { width, height } = this.size;
    const points = (zone) => zone.map(([x, y]) => `${(x * width) / PARTS},${(y * height) / PARTS}`).join(" ");
    const isEditing = !this.editor.hidden;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const shapes = this.zones.map((zone) => drawing("polygon", { class: "zone", points: points(zone) }));
    const begun = this.shape?.length ? [drawing("polyline", { class: "zone begun", points: points(this.shape) })] : [];
    const pulled = this.drag?.from && !this.shape ? [drawing("polygon", { class: "zone begun", points: points(rectangle(this.drag.from, this.drag.to)) })] : [];
    const handles = isEditing ? [...this.zones.flatMap((zone, i) => this.handles(zone, i)), ...(this.shape ?? []).map((at) => this.handle(at))] : [];
    this.svg.replaceChildren(...(isEditing ? this.warmth() : []), ...shapes, ...begun, ...pulled, ...handles);
  }

  handles(zone, index) {
    return zone.map((corner, place) => this.handle(corner, { "data-zone": index, "data-corner": place }));
  }

  handle([x, y], attributes = {}) {
    const { width, height } = this.size;
    return drawing("circle", { class: "handle", cx: (x * width) / PARTS, cy: (y * height) / PARTS, r: width / 80, ...attributes });
  }

  /** Where faces stood since the drawing began. */
  warmth() {
    const { width, height } = this.size;
    const most = Math.max(1, ...this.heat.values());
    const [w, h] = [width / HEAT.columns, height / HEAT.rows];
    return [...this.heat].map(([cell, n]) => {
      const [column, row] = cell.split(" ").map(Number);
      return drawing("rect", { class: "warm", x: column * w, y: row * h, width: w, height: h, opacity: (0.15 + (0.6 * n) / most).toFixed(2) });
    });
  }
}
