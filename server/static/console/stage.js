// The audience as data: boxes and five-point outlines on a blank stage.
import { bars, byId, drawing, duration, percent } from "/static/dom.js";

const LABELS = ["neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised"];
/** Lines of the empty stage, as a share of its size. */
const GRID = [0.25, 0.5, 0.75];
const PREVIEW_MILLIS = 250;

export class LiveStage {
  constructor() {
    this.svg = byId("boxes");
    this.empty = byId("stage-empty");
    this.preview = byId("preview");
    this.button = byId("picture");
    this.camera = null;
    this.timer = 0;
    this.button.addEventListener("click", () => this.toggle(!this.isOn));
    bars(byId("expression"), LABELS.map((name) => ({ name, share: 0 })));
  }

  choose(camera) {
    this.camera = camera;
    this.toggle(false);
    this.clear();
  }

  /** The picture is offered only where the profile of the site allows it. */
  allow(camera) {
    const isAllowed = Boolean(camera?.picture_allowed && camera.open);
    this.button.hidden = !isAllowed;
    if (!isAllowed) this.toggle(false);
    this.isClosed = camera !== undefined && !camera.open;
    if (this.isClosed) this.clear();
  }

  toggle(isOn) {
    if (isOn === this.isOn) return;
    this.isOn = isOn;
    this.button.setAttribute("aria-pressed", String(isOn));
    this.button.textContent = isOn ? "Hide camera picture" : "Show camera picture";
    this.preview.hidden = !isOn;
    clearTimeout(this.timer);
    if (isOn) this.refresh();
    else this.preview.removeAttribute("src");
  }

  refresh() {
    const next = new Image();
    const again = () => {
      if (this.isOn) this.timer = setTimeout(() => this.refresh(), PREVIEW_MILLIS);
    };
    next.onload = () => {
      if (this.isOn) this.preview.src = next.src;
      again();
    };
    next.onerror = again;
    next.src = `/v1/cameras/${encodeURIComponent(this.camera)}/preview.jpg?at=${Date.now()}`;
  }

  clear() {
    this.svg.replaceChildren();
    this.empty.hidden = false;
    this.empty.textContent = this.isClosed ? "The camera is closed" : "Nobody in view";
    this.summary({ n_visitors: 0, n_looking: 0, attention: null, dwell_secs: 0, expression: null });
  }

  draw(view) {
    const { width, height } = view.frame;
    this.svg.parentElement.style.aspectRatio = `${width} / ${height}`;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const edge = drawing("rect", { class: "grid edge", x: 0, y: 0, width, height });
    const lines = GRID.flatMap((share) => [
      drawing("line", { class: "grid", x1: width * share, x2: width * share, y1: 0, y2: height }),
      drawing("line", { class: "grid", y1: height * share, y2: height * share, x1: 0, x2: width }),
    ]);
    this.svg.replaceChildren(...(this.isOn ? [] : [edge, ...lines]), ...view.faces.map((face) => drawFace(face, width)));
    this.empty.hidden = view.faces.length > 0;
    this.empty.textContent = "Nobody in view";
    this.summary(view.audience);
  }

  summary(audience) {
    byId("n-visitors").textContent = audience.n_visitors;
    byId("n-looking").textContent = audience.n_looking;
    byId("attention").textContent = audience.attention === null ? "–" : percent(audience.attention);
    byId("dwell").textContent = audience.n_visitors ? duration(audience.dwell_secs) : "–";
    const shares = LABELS.map((name) => audience.expression?.probabilities[name] ?? 0);
    const most = Math.max(...shares);
    bars(
      byId("expression"),
      LABELS.map((name, i) => ({ name, share: shares[i], isTop: most > 0 && shares[i] === most })),
    );
  }
}

function drawFace(face, frameWidth) {
  const group = drawing("g", { class: `${face.state}${face.is_looking ? " looking" : ""}` });
  const { left, top, width, height } = face.bbox;
  group.append(drawing("rect", { class: "box", x: left, y: top, width, height, rx: width * 0.06 }));
  if (face.landmarks) group.append(...outline(face.landmarks, width));
  if (face.landmarks && face.head_pose) group.append(pose(face));
  group.append(...plate(face, frameWidth));
  return group;
}

/** Eyes, nose and corners of the mouth, joined to a mask. */
function outline([leftEye, rightEye, nose, leftMouth, rightMouth], width) {
  const path = [leftEye, rightEye, rightMouth, leftMouth].map((point) => point.join(",")).join(" ");
  const bridge = [leftEye, nose, rightEye].map((point) => point.join(",")).join(" ");
  return [
    drawing("polygon", { class: "outline", points: path }),
    drawing("polyline", { class: "outline", points: bridge }),
    ...[leftEye, rightEye, nose, leftMouth, rightMouth].map(([x, y]) =>
      drawing("circle", { class: "point", cx: x, cy: y, r: Math.max(width * 0.022, 1.5) }),
    ),
  ];
}

/** A needle from the nose to where the face is turned. */
function pose(face) {
  const [x, y] = face.landmarks[2];
  const radians = Math.PI / 180;
  const reach = face.bbox.width * 0.75;
  return drawing("line", {
    class: "pose",
    x1: x,
    y1: y,
    x2: x + reach * Math.sin(face.head_pose.yaw_deg * radians),
    y2: y - reach * Math.sin(face.head_pose.pitch_deg * radians),
  });
}

function plate(face, frameWidth) {
  const size = Math.max(frameWidth * 0.02, 11);
  const words = [
    face.number === null ? "…" : `#${face.number}`,
    face.expression?.label ?? null,
    face.attention === null ? null : `${Math.round(face.attention * 100)} %`,
  ].filter((word) => word !== null);
  const text = words.join(" · ");
  const { left, top, height } = face.bbox;
  const y = top > size * 1.8 ? top - size * 0.55 : top + height + size * 1.25;
  const label = drawing("text", { x: left + size * 0.45, y, "font-size": size });
  label.textContent = text;
  const back = drawing("rect", {
    class: "plate", x: left, y: y - size * 1.08, width: size * (0.9 + text.length * 0.56), height: size * 1.5, rx: size * 0.3,
  });
  return [back, label];
}

