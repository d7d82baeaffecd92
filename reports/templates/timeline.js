"use strict";
// The video is the clock; where it cannot be played, one of our own is.
const video = document.querySelector("video");
const charts = [...document.querySelectorAll("svg.timeline")];
const play = document.getElementById("play");
const seek = document.getElementById("seek");
const now = document.getElementById("now");
const last = Number(seek.max);
let hasVideo = false;
let own = 0;
let since = null;

function time() {
  if (hasVideo) return video.currentTime;
  return since === null ? own : Math.min(last, own + (performance.now() - since) / 1000);
}

function isRunning() {
  return hasVideo ? !video.paused && !video.ended : since !== null;
}

function draw() {
  const at = time();
  for (const chart of charts) {
    const share = Math.min(1, at / Number(chart.dataset.secs));
    const x = Number(chart.dataset.left) + share * Number(chart.dataset.width);
    const cursor = chart.querySelector(".cursor");
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
  }
  seek.value = at;
  now.value = at.toFixed(2) + " s";
  play.textContent = isRunning() ? "Pause" : "Play";
  if (!hasVideo && since !== null && at >= last) stop();
}

function loop() {
  draw();
  if (isRunning()) requestAnimationFrame(loop);
}

function stop() {
  own = time();
  since = null;
  draw();
}

function go(secs) {
  const at = Math.max(0, Math.min(last, secs));
  if (hasVideo) {
    video.currentTime = at;
  } else {
    own = at;
    if (since !== null) since = performance.now();
  }
  draw();
}

play.addEventListener("click", () => {
  if (isRunning()) {
    if (hasVideo) video.pause();
    else stop();
    return;
  }
  if (time() >= last) go(0);
  if (hasVideo) {
    video.play();
  } else {
    since = performance.now();
    loop();
  }
});
seek.addEventListener("input", () => go(Number(seek.value)));
for (const chart of charts) {
  chart.addEventListener("click", (event) => {
    const box = chart.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * chart.viewBox.baseVal.width;
    go(((x - Number(chart.dataset.left)) / Number(chart.dataset.width)) * Number(chart.dataset.secs));
  });
}
// Rows of the curves that are ticked stand below each other; the axis and the cursor end with the last.
const boxes = [...document.querySelectorAll("#curves input")];
function arrange() {
  const chosen = new Set(boxes.filter((box) => box.checked).map((box) => box.name));
  for (const chart of charts) {
    const step = Number(chart.dataset.row);
    let top = 0;
    for (const row of chart.querySelectorAll("g.row")) {
      if (chosen.has(row.dataset.curve)) {
        row.removeAttribute("display");
        row.setAttribute("transform", `translate(0 ${top})`);
        top += step;
      } else {
        row.setAttribute("display", "none");
      }
    }
    chart.querySelector("g.axis").setAttribute("transform", `translate(0 ${top})`);
    chart.querySelector(".cursor").setAttribute("y2", top + 4);
    const width = chart.viewBox.baseVal.width;
    chart.setAttribute("viewBox", `0 0 ${width} ${top + Number(chart.dataset.axis)}`);
  }
}
for (const box of boxes) box.addEventListener("change", arrange);
for (const set of document.querySelectorAll("#curves fieldset")) {
  const tick = (isTicked) => {
    for (const box of set.querySelectorAll("input")) box.checked = isTicked;
    arrange();
  };
  set.querySelector(".all").addEventListener("click", () => tick(true));
  set.querySelector(".none").addEventListener("click", () => tick(false));
}
for (const button of document.querySelectorAll("button.go")) {
  button.addEventListener("click", () => go(Number(button.dataset.secs)));
}
if (video) {
  video.addEventListener("loadedmetadata", () => {
    hasVideo = true;
    draw();
  });
  video.addEventListener("error", () => {
    hasVideo = false;
    video.hidden = true;
    document.getElementById("unplayed").hidden = false;
  });
  for (const name of ["play", "seeked", "pause", "timeupdate"]) video.addEventListener(name, loop);
}
// A browser that comes back to a page ticks boxes as they were.
if (boxes.length > 0) arrange();
draw();
