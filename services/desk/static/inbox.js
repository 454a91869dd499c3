// The queue: j and k walk its rows, new rows light up, and nothing jumps under the reader's eyes when rows arrive.

import { byId, memory } from "./page.js";

const FRESH_MS = 2400;

export function startInbox() {
  document.addEventListener("keydown", walk);
  const inbox = byId("inbox");
  if (!inbox) return;
  remember();
  let before = new Set();
  let anchor = null;
  inbox.addEventListener("htmx:before:swap", () => {
    before = new Set(rows().map((row) => row.id));
    anchor = still();
  });
  inbox.addEventListener("htmx:after:swap", (event) => {
    hold(anchor);
    remember();
    if (event.detail.ctx?.sourceElement?.id === "refresh") rows().filter((row) => !before.has(row.id)).forEach(lightUp);
  });
}

const rows = () => [...document.querySelectorAll("#queue .line")];
const links = () => [...document.querySelectorAll("#queue .subject, [data-row]")];

function walk(event) {
  if (!"jk".includes(event.key) || event.ctrlKey || event.metaKey || event.altKey || memory.get("keys") === "off") return;
  if (event.target.matches("input, textarea, select") || document.querySelector("dialog[open]")) return;
  const all = links();
  if (!all.length) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const at = all.indexOf(document.activeElement);
  const next = at < 0 ? (event.key === "j" ? 0 : all.length - 1) : at + (event.key === "j" ? 1 : -1);
  if (next >= all.length) { byId("next-page")?.focus(); return; }
  const link = all[Math.max(0, next)];
  link.focus({ preventScroll: true, focusVisible: true });
  (link.closest(".line") ?? link).scrollIntoView({ block: "nearest" });
}

/** The row that the reader looks at: the focused one, else the first in sight. Its place on the screen is kept. */
function still() {
  const focused = document.activeElement?.closest?.(".line");
  const row = focused ?? (scrollY > 0 ? rows().find((one) => one.getBoundingClientRect().top >= 0) : null);
  return row ? { id: row.id, top: row.getBoundingClientRect().top } : null;
}

function hold(anchor) {
  const row = anchor && byId(anchor.id);
  if (row) scrollBy({ top: row.getBoundingClientRect().top - anchor.top, behavior: "instant" });
}

function lightUp(row) {
  row.classList.add("fresh");
  setTimeout(() => row.classList.remove("fresh"), FRESH_MS);
}

/** The order of this queue, so that a ticket's page knows its neighbours and the way back. */
function remember() {
  try {
    sessionStorage.setItem("daybook:queue", JSON.stringify({ url: location.pathname + location.search, references: rows().map((row) => row.dataset.reference) }));
  } catch { /* then the page of a ticket has no neighbours */ }
}
