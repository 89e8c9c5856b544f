"use strict";
// Plays all stems of a song at once. A page that was opened from a file may not decode audio itself, so every
// stem is an <audio> element, and the elements are held together by nudging their rates.

const song = JSON.parse(document.getElementById("song").textContent);
const kSeekAboveS = 0.15; // farther apart than this, an element jumps
const kNudgeAboveS = 0.003;
const kGainPerS = 3; // how hard an element that is ahead is held back
const kMaxNudge = 0.05; // of the rate
const kStepS = 5;

const tracks = song.tracks.map((track) => ({ ...track, muted: track.muted === true, solo: false, volume: 1 }));
let loop = null; // {from, to} in seconds
let wanted = false; // whether it should be playing

const $ = (id) => document.getElementById(id);
const clock = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

function element(name, properties = {}, children = []) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function build(track, index) {
  const button = (text, title, action) => {
    const made = element("button", { type: "button", textContent: text, title, onclick: action });
    made.setAttribute("aria-pressed", "false");
    made.setAttribute("aria-label", `${title} ${track.name}`);
    return made;
  };
  track.audio = element("audio", { src: track.file, preload: "auto" });
  track.audio.preservesPitch = false;
  track.mute = button("Mute", "Mute", () => { track.muted = !track.muted; apply(); });
  track.soloButton = button("Solo", "Solo", () => { track.solo = !track.solo; apply(); });
  const volume = element("input", { type: "range", min: 0, max: 1, step: 0.01, value: 1 });
  volume.oninput = () => { track.volume = Number(volume.value); apply(); };
  track.cursor = element("div", { className: "cursor" });
  track.region = element("div", { className: "region", hidden: true });
  track.picture = element("div", { className: "picture", tabIndex: 0 }, [
    element("img", { src: track.picture, alt: `Spectrogram of ${track.name}` }), track.region, track.cursor]);
  track.picture.setAttribute("role", "slider");
  track.picture.setAttribute("aria-label", `Position in ${track.name}`);
  listenToPointer(track.picture);
  track.box = element("section", { className: "track" }, [
    element("div", { className: "controls" }, [
      element("span", { className: "name", textContent: track.name }), track.mute, track.soloButton,
      element("label", { textContent: "Volume" }, [volume])]),
    track.picture, track.audio]);
  track.box.dataset.track = track.name;
  track.audio.onerror = () => {
    track.failed = true;
    track.box.append(element("div", { className: "failed", textContent: `This browser cannot play ${track.file}.` }));
  };
  $("tracks").append(track.box);
  track.key = String(index + 1);
}

/// A click seeks; a drag selects the region to repeat.
function listenToPointer(picture) {
  let start = null;
  const at = (event) => {
    const box = picture.getBoundingClientRect();
    return clamp((event.clientX - box.left) / box.width, 0, 1) * song.duration;
  };
  picture.onpointerdown = (event) => { start = { x: event.clientX, time: at(event) }; picture.setPointerCapture(event.pointerId); };
  picture.onpointermove = (event) => {
    if (start && Math.abs(event.clientX - start.x) > 6) {
      const now = at(event);
      loop = { from: Math.min(start.time, now), to: Math.max(start.time, now) };
      showLoop();
    }
  };
  picture.onpointerup = (event) => {
    if (!start) return;
    const dragged = Math.abs(event.clientX - start.x) > 6;
    seek(dragged ? loop.from : start.time);
    start = null;
  };
  picture.onpointercancel = () => { start = null; };
}

const playable = () => tracks.filter((track) => !track.failed);
const leader = () => playable()[0];
const position = () => (leader() ? leader().audio.currentTime : 0);

function apply() {
  const anySolo = tracks.some((track) => track.solo);
  for (const track of tracks) {
    const silent = anySolo ? !track.solo : track.muted;
    track.audio.muted = silent;
    track.audio.volume = track.volume * Number($("volume").value);
    track.box.classList.toggle("silent", silent);
    track.mute.setAttribute("aria-pressed", String(track.muted));
    track.soloButton.setAttribute("aria-pressed", String(track.solo));
  }
}

function seek(time) {
  const to = clamp(time, 0, song.duration);
  for (const track of playable()) track.audio.currentTime = to;
  show();
}

async function play() {
  wanted = true;
  if (position() >= song.duration - 0.05) seek(0);
  const time = position();
  for (const track of playable()) if (track.audio.currentTime !== time) track.audio.currentTime = time;
  $("state").textContent = "";
  try {
    await Promise.all(playable().map((track) => track.audio.play()));
  } catch (error) {
    if (wanted && error.name !== "AbortError") $("state").textContent = `Cannot play: ${error.message}`;
  }
  show();
}

function pause() {
  wanted = false;
  for (const track of tracks) { track.audio.pause(); track.audio.playbackRate = 1; }
  if (leader()) seek(position());
}

function hold() {
  const time = position();
  for (const track of playable().slice(1)) {
    const ahead = track.audio.currentTime - time;
    if (Math.abs(ahead) > kSeekAboveS) track.audio.currentTime = time;
    const nudge = Math.abs(ahead) > kNudgeAboveS ? clamp(-kGainPerS * ahead, -kMaxNudge, kMaxNudge) : 0;
    if (track.audio.playbackRate !== 1 + nudge) track.audio.playbackRate = 1 + nudge;
  }
}

function showLoop() {
  $("loop").setAttribute("aria-pressed", String(loop !== null));
  for (const track of tracks) {
    track.region.hidden = loop === null;
    if (!loop) continue;
    track.region.style.left = `${(100 * loop.from) / song.duration}%`;
    track.region.style.width = `${(100 * (loop.to - loop.from)) / song.duration}%`;
  }
}

function show() {
  const time = position();
  $("time").textContent = `${clock(time)} / ${clock(song.duration)}`;
  $("play").textContent = wanted ? "Pause" : "Play";
  for (const track of tracks) {
    track.cursor.style.left = `${(100 * time) / song.duration}%`;
    track.picture.setAttribute("aria-valuetext", clock(time));
  }
}

function tick() {
  if (wanted && leader()) {
    if (loop && (position() >= loop.to || position() < loop.from - 0.5)) seek(loop.from);
    else if (leader().audio.ended) pause();
    else hold();
    show();
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const onControl = /^(BUTTON|INPUT)$/.test(event.target.tagName);
  if (event.key === " " && !onControl) wanted ? pause() : play();
  else if (event.key === "ArrowLeft" && event.target.tagName !== "INPUT") seek(position() - kStepS);
  else if (event.key === "ArrowRight" && event.target.tagName !== "INPUT") seek(position() + kStepS);
  else if (event.key === "Home" && !onControl) seek(loop ? loop.from : 0);
  else if (event.key === "l") { loop = null; showLoop(); }
  else if (/^Digit[1-9]$/.test(event.code)) {
    const track = tracks[Number(event.code.slice(5)) - 1];
    if (!track) return;
    if (event.shiftKey) track.muted = !track.muted; else track.solo = !track.solo;
    apply();
  } else return;
  event.preventDefault();
});

tracks.forEach(build);
$("play").onclick = () => (wanted ? pause() : play());
$("loop").onclick = () => {
  loop = loop ? null : { from: position(), to: Math.min(position() + 10, song.duration) };
  showLoop();
};
$("volume").oninput = apply;
apply();
show();
setInterval(tick, 50);
