// The camera of this device as the engine's camera. Frames go to this server only, and are not kept.
import { byId } from "/static/dom.js";

const MAX_WIDTH = 640;
const MAX_HEIGHT = 480;
const FRAME_MILLIS = 1000 / 30;
const JPEG_QUALITY = 0.8;
/** Frames the server has not answered yet; what comes meanwhile is dropped, for late is worthless. */
const MAX_UNANSWERED = 2;

export class Webcam {
  constructor() {
    this.button = byId("webcam");
    this.note = byId("webcam-note");
    this.video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
    this.canvas = document.createElement("canvas");
    this.camera = null;
    this.button.addEventListener("click", () => (this.stream ? this.stop("") : this.start()));
  }

  choose(camera) {
    if (camera !== this.camera) this.stop("");
    this.camera = camera;
  }

  allow(camera) {
    this.button.hidden = !camera?.takes_frames;
    if (this.button.hidden && this.stream) this.stop("");
  }

  async start() {
    if (!navigator.mediaDevices?.getUserMedia) {
      this.note.textContent = "This browser gives a page a camera only on this machine or over https.";
      return;
    }
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        video: { width: { ideal: MAX_WIDTH }, height: { ideal: MAX_HEIGHT }, frameRate: { ideal: 30 } },
        audio: false,
      });
    } catch (error) {
      this.note.textContent = `The camera was not given: ${error.name === "NotAllowedError" ? "permission was denied" : error.message}.`;
      return;
    }
    this.stream.getVideoTracks()[0].addEventListener("ended", () => this.stop("The camera was taken away."));
    this.video.srcObject = this.stream;
    await this.video.play();
    this.connect();
    this.button.textContent = "Stop this device’s camera";
    this.button.setAttribute("aria-pressed", "true");
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/v1/cameras/${encodeURIComponent(this.camera)}/frames`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.unanswered = 0;
    this.sent = 0;
    socket.onopen = () => {
      this.note.textContent = "Frames of this device go to the engine on this address and are forgotten after analysis.";
      this.timer = setInterval(() => this.sendFrame(), FRAME_MILLIS);
    };
    socket.onmessage = (event) => {
      this.unanswered = Math.max(0, this.unanswered - 1);
      const answer = JSON.parse(event.data);
      if (answer.code) this.note.textContent = `${answer.title}: ${answer.detail}`;
    };
    socket.onclose = () => {
      clearInterval(this.timer);
      if (this.stream && this.socket === socket) setTimeout(() => this.stream && this.connect(), 1000);
    };
  }

  sendFrame() {
    const { videoWidth, videoHeight } = this.video;
    if (this.isEncoding || this.unanswered >= MAX_UNANSWERED || videoWidth === 0) return;
    const scale = Math.min(1, MAX_WIDTH / videoWidth, MAX_HEIGHT / videoHeight);
    this.canvas.width = Math.round(videoWidth * scale);
    this.canvas.height = Math.round(videoHeight * scale);
    const capturedMillis = performance.timeOrigin + performance.now();
    this.canvas.getContext("2d").drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    this.isEncoding = true;
    this.canvas.toBlob((blob) => this.sendBlob(blob, capturedMillis), "image/jpeg", JPEG_QUALITY);
  }

  async sendBlob(blob, capturedMillis) {
    this.isEncoding = false;
    if (!blob || this.socket?.readyState !== WebSocket.OPEN) return;
    const time = new DataView(new ArrayBuffer(8));
    time.setFloat64(0, capturedMillis, true);
    this.unanswered += 1;
    this.socket.send(new Blob([time.buffer, blob]));
  }

  stop(why) {
    clearInterval(this.timer);
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.socket?.close();
    this.socket = null;
    this.video.srcObject = null;
    this.note.textContent = why;
    this.button.textContent = "Use this device’s camera";
    this.button.setAttribute("aria-pressed", "false");
  }
}
