// A ticket's page: the time slider, its neighbours in the queue, what the timeline shows.

import { byId, memory } from "./page.js";

const DRAG_MS = 60;
let dragging;

export function startTicket() {
  const ticket = byId("ticket");
  if (!ticket) return;
  if (new URLSearchParams(location.search).has("as_of")) document.body.classList.add("in-the-past");
  ticket.addEventListener("input", (event) => { if (event.target.id === "as-of-stop") slide(event.target); });
  ticket.addEventListener("click", (event) => {
    const step = event.target.closest("[data-step]");
    if (step) stepBy(Number(step.dataset.step));
    if (event.target.closest("#back-to-now") && byId("composer")) { event.preventDefault(); toStop(Infinity); }
  });
  ticket.addEventListener("change", (event) => { if (event.target.dataset.story) tell(event.target.dataset.story); });
  document.addEventListener("htmx:after:swap", neighbours);
  const chosen = memory.get("story");
  if (chosen) { const radio = ticket.querySelector(`[data-story="${chosen}"]`); if (radio) { radio.checked = true; tell(chosen); } }
  neighbours();
}

// The slider ----------------------------------------------------------------------------------------------------------

function stepBy(step) {
  const range = byId("as-of-stop");
  toStop(Number(range.value) + step);
}

function toStop(place) {
  const range = byId("as-of-stop");
  range.value = Math.min(Math.max(place, 0), Number(range.max));
  slide(range);
}

function slide(range) {
  const stops = JSON.parse(range.dataset.stops);
  const place = Number(range.value);
  const [asOf, words] = stops[place] ?? [];
  const now = place >= stops.length - 1;
  range.setAttribute("aria-valuetext", now ? "now" : words);
  byId("as-of-words").textContent = now ? "Now" : `as of ${words}`;
  document.body.classList.toggle("in-the-past", !now);
  clearTimeout(dragging);
  dragging = setTimeout(() => show(now ? "" : `?as_of=${encodeURIComponent(asOf)}`), DRAG_MS);
}

function show(query) {
  history.replaceState(history.state, "", location.pathname + query);
  htmx.ajax("GET", location.pathname + query, { source: byId("slider"), target: byId("slider"), swap: "none" });
}

// Neighbours in the queue ------------------------------------------------------------------------------------------------

function neighbours() {
  const known = queue();
  const back = document.querySelector("[data-back]");
  if (back && known.url) back.href = known.url;
  const at = known.references.indexOf(byId("ticket").dataset.reference);
  const place = byId("neighbours");
  if (at < 0 || !place) return;
  place.hidden = false;
  byId("neighbours-place").textContent = `${at + 1} of ${known.references.length}`;
  lead("previous", known.references[at - 1]);
  lead("next", known.references[at + 1]);
}

function lead(id, reference) {
  const link = byId(id);
  if (reference) link.href = `/tickets/${reference}`;
  link.toggleAttribute("hidden", !reference);
}

function queue() {
  try {
    const known = JSON.parse(sessionStorage.getItem("daybook:queue"));
    return known?.references ? known : { references: [] };
  } catch { return { references: [] }; }
}

// Everything, or only the words -----------------------------------------------------------------------------------------

function tell(which) {
  byId("ticket").dataset.story = which;
  memory.set("story", which);
}
