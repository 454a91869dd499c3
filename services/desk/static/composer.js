// The composer: drafts survive, Ctrl-Enter sends, and an answer is not sent over a message that nobody has read.

import { byId, memory } from "./page.js";

const DRAFT_MS = 400;
let saving;
let observer;

export function startComposer() {
  const place = byId("composer-part");
  if (!place) return;
  place.addEventListener("input", (event) => { if (event.target.id === "composer-body") keepSoon(); });
  place.addEventListener("change", (event) => { if (event.target.name === "mode") dress(); });
  place.addEventListener("keydown", sendByKey);
  place.addEventListener("click", (event) => { if (event.target.closest("#news")) readNews(); insert(event.target.closest("[data-insert]")); });
  document.addEventListener("desk:done-said", done);
  document.addEventListener("htmx:before:swap", noteNewest);
  document.addEventListener("htmx:after:swap", lookForNews);
  restore();
  dress();
}

const form = () => byId("composer");
const body = () => byId("composer-body");
const draftKey = () => `draft:${form()?.dataset.draft ?? byId("ticket")?.dataset.reference}`;
const say = (words) => { const place = byId("draft-state"); if (place) place.textContent = words; };

function restore() {
  const kept = memory.get(draftKey());
  if (!kept || !body() || body().value) return;
  const draft = JSON.parse(kept);
  body().value = draft.text;
  const mode = form().querySelector(`[name=mode][value="${draft.mode}"]`);
  if (mode) mode.checked = true;
  say("Draft restored");
}

function keepSoon() {
  clearTimeout(saving);
  saving = setTimeout(() => {
    const text = body()?.value ?? "";
    if (text) memory.set(draftKey(), JSON.stringify({ text, mode: form().elements.mode.value }));
    else memory.drop(draftKey());
    say(text ? "Draft kept" : "");
  }, DRAFT_MS);
}

/** Sent: the draft is forgotten, the words are in sight where they now stand, and the keys are shortcuts again. */
function done() {
  clearTimeout(saving);
  memory.drop(draftKey());
  dress();
  byId("main").focus({ preventScroll: true });
  document.querySelector("#timeline .entry:last-child")?.scrollIntoView({ block: "center" });
}

/** The placeholder says who will read what is written. */
function dress() {
  const mode = form()?.elements.mode?.value;
  if (mode) body().placeholder = body().dataset[`placeholder${mode[0].toUpperCase()}${mode.slice(1)}`];
}

/** A sentence that is offered goes into the letter, on a line of its own; a way to begin goes before what is written. */
function insert(offer) {
  if (!offer) return;
  const mode = form().elements.mode;
  if (mode.value === "note") { mode.value = "reply"; dress(); }
  const words = offer.dataset.insert;
  const written = body().value;
  const first = offer.dataset.at === "start";
  if (!written.includes(words.trim())) body().value = first ? words + written : `${written}${written && !written.endsWith("\n") ? "\n" : ""}${words}`;
  body().focus();
  const end = first ? words.length : body().value.length;
  body().setSelectionRange(end, end);
  body().dispatchEvent(new Event("input", { bubbles: true }));
}

function sendByKey(event) {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !form()) return;
  event.preventDefault();
  form().requestSubmit();
}

// News while writing: the form carries the version that the agent has seen. A newer message of the requester counts as seen
// only when it has been on the screen; everything else that changed does not stand in the way. --------------------------------

const shownVersion = () => Number(byId("timeline")?.dataset.version ?? 0);
const newestWord = () => Number(byId("timeline")?.dataset.newestWord ?? 0);
let read = newestWord();

function noteNewest(event) {
  if (!document.querySelector("#timeline .entry.unseen") && event.target?.id !== "composer") read = Math.max(read, newestWord());
}

function lookForNews() {
  const seen = byId("seen-version");
  if (!seen || document.body.classList.contains("in-the-past")) return;
  const fresh = [...document.querySelectorAll('#timeline .entry[data-kind="message"]')].filter((entry) => Number(entry.dataset.version) > read);
  byId("news").hidden = !fresh.length;
  if (!fresh.length) { seen.value = shownVersion(); return; }
  seen.value = Math.min(...fresh.map((entry) => Number(entry.dataset.version))) - 1;
  observer?.disconnect();
  observer = new IntersectionObserver((found) => { if (found.some((one) => one.isIntersecting)) haveSeen(fresh); }, { threshold: 0.6 });
  fresh.forEach((entry) => { entry.classList.add("unseen"); observer.observe(entry); });
}

function haveSeen(fresh) {
  observer.disconnect();
  read = newestWord();
  byId("seen-version").value = shownVersion();
  byId("news").hidden = true;
  setTimeout(() => fresh.forEach((entry) => entry.classList.remove("unseen")), 3000);
}

function readNews() {
  document.querySelector("#timeline .entry.unseen")?.scrollIntoView({ block: "center" });
}
