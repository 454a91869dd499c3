// What every page has: the reader's time zone, light and dark, sentences shown for a moment, a clock on the wall.

const YEAR_SECONDS = 31_536_000;
const TOAST_MS = 6000;

export const byId = (id) => document.getElementById(id);

/** Something remembered in this browser; private windows that forbid it lose only the memory. */
export const memory = {
  get(key) { try { return localStorage.getItem(`daybook:${key}`); } catch { return null; } },
  set(key, value) { try { localStorage.setItem(`daybook:${key}`, value); } catch { /* nothing to remember with */ } },
  drop(key) { try { localStorage.removeItem(`daybook:${key}`); } catch { /* nothing to forget */ } },
};

export function toast(text) {
  const place = byId("toast");
  if (!place || !text) return;
  place.textContent = text;
  clearTimeout(place.leaving);
  place.leaving = setTimeout(() => { place.textContent = ""; }, TOAST_MS);
}

export function startPage() {
  tellZone();
  document.addEventListener("click", (event) => { if (event.target.closest("[data-theme-turn]")) turnTheme(); });
  for (const name of ["desk:said", "desk:problem", "desk:done-said", "desk:done-changed"]) {
    document.addEventListener(name, (event) => toast(event.detail?.text));
  }
  document.addEventListener("desk:done-changed", (event) => fold(event.target.closest?.("details")));
  document.addEventListener("desk:signed-out", () => { const banner = byId("signed-out"); if (banner) banner.hidden = false; });
  document.addEventListener("click", closeOpenFold);
  if (byId("wall-clock")) tick();
}

/** The server writes times in the reader's zone. It learns the zone here; only a page that was drawn in another one is drawn again. */
function tellZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone || document.documentElement.dataset.zone === zone) return;
  setCookie("daybook_zone", zone);
  const known = document.cookie.includes(`daybook_zone=${zone}`);
  if (known && document.querySelector("time")) location.reload();
}

function turnTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  setCookie("daybook_theme", root.dataset.theme);
}

function setCookie(name, value) {
  document.cookie = `${name}=${value}; path=/; max-age=${YEAR_SECONDS}; samesite=lax`;
}

/** Done: the form closes, and the focus leaves its field at once, or the next key would still be typed into what is hidden. */
function fold(details) {
  if (!details) return;
  if (details.contains(document.activeElement)) details.querySelector("summary").focus({ preventScroll: true });
  details.open = false;
}

function closeOpenFold(event) {
  for (const fold of document.querySelectorAll("details.as-of[open]")) {
    if (!fold.contains(event.target)) fold.open = false;
  }
}

function tick() {
  const place = byId("wall-clock");
  place.textContent = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" }).format(new Date());
  setTimeout(tick, 1000 * (60 - new Date().getSeconds()));
}
