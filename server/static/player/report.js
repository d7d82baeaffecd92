// What the screen tells the engine: that the notice is in view, what is on the glass, for how long.

const HEARTBEAT_MILLIS = 250;
const PROGRESS_MILLIS = 10000;
/** Heartbeats that may be unanswered; more would only pile up behind a dead server. */
const MAX_PENDING = 3;

export class Reporter {
  constructor(base, notice) {
    this.base = base;
    this.notice = notice;
    this.player = randomId();
    this.pending = 0;
    /** What is on the glass, by slot; where the glass is not parted, one play under no name. */
    this.current = new Map();
    this.wasVisible = document.visibilityState === "visible";
  }

  start() {
    setInterval(() => this.heartbeat(), HEARTBEAT_MILLIS);
    setInterval(() => this.progress(false), PROGRESS_MILLIS);
    document.addEventListener("visibilitychange", () => {
      this.countTime();
      this.heartbeat();
    });
    addEventListener("pagehide", () => this.progress(true, true));
  }

  /** A message is on the glass. That ends the one before it, in its slot. */
  begin(decision) {
    const slot = decision.slot ?? "";
    this.tell(slot, true);
    this.current.set(slot, { decision: decision.id, play: decision.play, shownMillis: 0, since: performance.now() });
    this.post("shown", { decision: decision.id, player: this.player, play: decision.play });
  }

  heartbeat() {
    if (this.notice.hash === null || this.pending >= MAX_PENDING) return;
    this.pending += 1;
    this.post("heartbeat", {
      player: this.player,
      notice_hash: this.notice.hash,
      notice_visible: this.notice.isInView(),
      visible: document.visibilityState === "visible",
      showing: this.current.values().next().value?.decision ?? null,
    }).finally(() => {
      this.pending -= 1;
    });
  }

  /** Adds the time since the last count; time in a hidden tab does not count. */
  countTime() {
    const now = performance.now();
    for (const shown of this.current.values()) {
      if (this.wasVisible) shown.shownMillis += now - shown.since;
      shown.since = now;
    }
    this.wasVisible = document.visibilityState === "visible";
  }

  /** How long everything on the glass has been there, or was. */
  progress(hasEnded, isUnload = false) {
    for (const slot of [...this.current.keys()]) this.tell(slot, hasEnded, isUnload);
  }

  tell(slot, hasEnded, isUnload = false) {
    const shown = this.current.get(slot);
    if (!shown) return;
    this.countTime();
    const { play, decision, shownMillis } = shown;
    const body = { play, decision, shown_millis: Math.round(shownMillis), ended: hasEnded };
    if (hasEnded) this.current.delete(slot);
    if (isUnload) {
      const blob = new Blob([JSON.stringify(body)], { type: "application/json" });
      navigator.sendBeacon(`${this.base}/plays`, blob);
    } else {
      this.post("plays", body);
    }
  }

  /** The server may be away: what cannot be told is not told, and the message stays. */
  post(path, body) {
    return fetch(`${this.base}/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      keepalive: true,
      signal: AbortSignal.timeout(2000),
    }).catch(() => {});
  }
}

function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `browser-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
