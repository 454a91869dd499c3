// The live connection: signals become `desk:changed` (anything) and `desk:ticket` (the ticket on this page).
// htmx's hx-sse holds the stream and comes back by itself; this watches it and says when it is gone.

import { byId } from "./page.js";

const SILENCE_MS = 32_000; // three beats of the stream and a little
const GRACE_MS = 2500; // a reconnect this quick is nobody's business
const AGAIN_MS = 4000;
const PATIENCE_MS = 60_000; // relative times on the page grow old even when nothing happens

let silence;
let grace;
let wasLost = false;

export function startLive() {
  const live = byId("live");
  if (!live) return;
  live.addEventListener("htmx:sse:after:connection", connected);
  live.addEventListener("htmx:sse:before:connection", (event) => { if (event.detail.connection.attempt > 0) losing(); });
  live.addEventListener("htmx:sse:error", losing);
  live.addEventListener("htmx:sse:close", losing);
  live.addEventListener("htmx:error", tryAgain);
  live.addEventListener("htmx:response:error", tryAgain);
  live.addEventListener("beat", connected); // also when beats come back on a connection that stood all the time
  live.addEventListener("queue", (event) => { heard(); changed(parse(event.detail.data)); });
  live.addEventListener("reset", () => { heard(); changed({}); });
  document.querySelector("[data-reconnect]")?.addEventListener("click", () => signal("desk:connect"));
  setInterval(() => signal("desk:ticket"), PATIENCE_MS);
  connect(live);
}

/** Only now, when everything above listens; and htmx may not have seen the page yet. */
function connect(live) {
  if (live.hasAttribute("data-htmx-powered")) signal("desk:connect");
  else setTimeout(() => connect(live), 30);
}

function connected() {
  clearTimeout(grace);
  heard();
  say("live", "Live");
  if (byId("lost")) byId("lost").hidden = true;
  if (wasLost) { wasLost = false; changed({}); } // what was missed is asked for again
}

function heard() {
  clearTimeout(silence);
  silence = setTimeout(losing, SILENCE_MS);
}

function losing() {
  clearTimeout(grace);
  grace = setTimeout(() => {
    wasLost = true;
    say("lost", "Reconnecting…");
    if (byId("lost")) byId("lost").hidden = false;
  }, GRACE_MS);
}

/** hx-sse retries a stream that breaks, not one that never began. */
function tryAgain() {
  losing();
  setTimeout(() => signal("desk:connect"), AGAIN_MS);
}

function changed(what) {
  signal("desk:changed");
  const here = byId("ticket")?.dataset.reference;
  if (here && (!what.reference || what.reference === here)) signal("desk:ticket");
}

function signal(name) {
  if (name === "desk:ticket" && document.body.classList.contains("in-the-past")) return;
  document.body.dispatchEvent(new CustomEvent(name, { bubbles: true }));
}

function say(state, words) {
  const pulse = byId("pulse");
  if (!pulse) return;
  pulse.dataset.state = state;
  byId("pulse-text").textContent = words;
}

function parse(data) {
  try { return JSON.parse(data) ?? {}; } catch { return {}; }
}
