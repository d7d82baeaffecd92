// The participant's camera: frames to this server over one socket, each answered; nothing is kept here either.

const MAX_WIDTH = 640;
const MAX_HEIGHT = 480;
const QUALITY = 0.85;
/** Frames that wait for their answer; what comes meanwhile is dropped. Enough for a quick line, and no more than a moment late. */
const MAX_UNANSWERED = 4;
/** Where the browser does not say when a frame is there. */
const FRAME_MILLIS = 1000 / 30;

export class Camera {
  /** `seen` hears what each picture came to, `over` why the socket closed. */
  constructor(video, seen, over) {
    this.video = video;
    this.seen = seen;
    this.over = over;
    this.canvas = document.createElement("canvas");
    this.waiting = [];
    this.isOn = false;
  }

  /** Opens the camera; throws where the browser or the participant says no. */
  async open(wantsFast) {
    if (!navigator.mediaDevices?.getUserMedia) throw new Error("no camera");
    this.stream = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: {
        facingMode: "user",
        width: { ideal: MAX_WIDTH },
        height: { ideal: MAX_HEIGHT },
        frameRate: { ideal: wantsFast ? 120 : 30 },
      },
    });
    this.video.srcObject = this.stream;
    await this.video.play();
  }

  /** Opens the socket of the sitting; resolves when it is open. */
  connect(sitting) {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/v1/sittings/${sitting}/frames`);
    this.socket = socket;
    socket.onmessage = (event) => this.answered(JSON.parse(event.data));
    socket.onclose = () => {
      this.isOn = false;
      for (const one of this.waiting.splice(0)) one.reject?.(new Error("closed"));
      this.over();
    };
    return new Promise((resolve, reject) => {
      socket.onopen = () => {
        this.isOn = true;
        this.next();
        resolve();
      };
      socket.onerror = () => reject(new Error("no socket"));
    });
  }

  answered(answer) {
    const one = this.waiting.shift();
    if (one?.resolve) {
      if (answer.code) one.reject(Object.assign(new Error(answer.detail), answer));
      else one.resolve(answer);
    } else if (!answer.code) {
      this.seen(answer);
    }
  }

  /** Says what is on since then; resolves with the answer. */
  mark(mark, at, creative = null) {
    return new Promise((resolve, reject) => {
      if (this.socket?.readyState !== WebSocket.OPEN) {
        reject(new Error("closed"));
        return;
      }
      this.waiting.push({ resolve, reject });
      this.socket.send(JSON.stringify({ mark, creative, at }));
    });
  }

  /** Asks to be called at the next frame. */
  next() {
    if (!this.isOn) return;
    const go = () => this.sendFrame();
    if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(go);
    else setTimeout(go, FRAME_MILLIS);
  }

  sendFrame() {
    const { videoWidth, videoHeight } = this.video;
    this.next();
    const isBusy = this.isEncoding || this.waiting.length >= MAX_UNANSWERED || videoWidth === 0;
    if (isBusy || this.socket?.readyState !== WebSocket.OPEN) return;
    const scale = Math.min(1, MAX_WIDTH / videoWidth, MAX_HEIGHT / videoHeight);
    this.canvas.width = Math.round(videoWidth * scale);
    this.canvas.height = Math.round(videoHeight * scale);
    const takenAt = performance.now();
    this.canvas.getContext("2d").drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    this.isEncoding = true;
    this.canvas.toBlob((blob) => this.sendBlob(blob, takenAt), "image/jpeg", QUALITY);
  }

  sendBlob(blob, takenAt) {
    this.isEncoding = false;
    if (!blob || this.socket?.readyState !== WebSocket.OPEN) return;
    const time = new DataView(new ArrayBuffer(8));
    time.setFloat64(0, takenAt, true);
    this.waiting.push({});
    this.socket.send(new Blob([time.buffer, blob]));
  }

  close() {
    this.isOn = false;
    this.stream?.getTracks().forEach((track) => track.stop());
    this.video.srcObject = null;
    if (this.socket) this.socket.onclose = null;
    this.socket?.close();
  }
}
