// The keyboard. Whatever has data-key can be pressed by it: one list serves the keys, the `?` dialog and the palette.

import { byId, memory } from "./page.js";

const SEQUENCE_MS = 900;
const ALWAYS = [["j k", "Next, previous row or ticket"], ["Enter", "Open the row"], ["Ctrl Enter", "Send what is written"], ["Esc", "Leave a field or dialog"]];

let started = "";
let startedAt = 0;

export function startKeys() {
  document.addEventListener("keydown", pressed);
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener) openDialog(opener.dataset.open);
    if (event.target.closest("[data-close]") || event.target.matches("dialog")) event.target.closest("dialog")?.close();
    const unfold = event.target.closest("[data-unfold]");
    if (unfold) { event.preventDefault(); press(byId(unfold.dataset.unfold)?.querySelector("summary")); }
  });
  const toggle = byId("keys-on");
  if (toggle) {
    toggle.checked = memory.get("keys") !== "off";
    toggle.addEventListener("change", () => memory.set("keys", toggle.checked ? "on" : "off"));
  }
}

export function openDialog(id) {
  const dialog = byId(id);
  if (!dialog || dialog.open) return;
  if (id === "keys") listKeys();
  dialog.showModal();
  dialog.dispatchEvent(new CustomEvent("desk:opened"));
}

/** Does what a click would: fields are focused, radio buttons chosen, folds opened with their first field ready. */
export function press(element) {
  if (!element) return;
  if (element.matches("input[type=search], textarea")) { element.focus(); element.select?.(); return; }
  if (element.matches("input[type=radio]")) { element.checked = true; element.dispatchEvent(new Event("change", { bubbles: true })); }
  else element.click();
  if (element.matches("summary")) {
    element.scrollIntoView({ block: "nearest" });
    element.parentElement.querySelector("input:not([type=hidden]), select, textarea")?.focus();
  }
  if (element.dataset.focus) byId(element.dataset.focus)?.focus();
}

/** Everything on this page that can be done by name: [element, words, keys]. */
export function commands() {
  return [...document.querySelectorAll("[data-command]")]
    .filter((element) => element.checkVisibility?.({ visibilityProperty: true }) ?? true)
    .map((element) => [element, element.dataset.command, element.dataset.key ?? ""]);
}

function pressed(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); openDialog("palette"); return; }
  if (event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
  if (document.querySelector("dialog[open]")) return;
  if (writes(event.target)) { if (event.key === "Escape") event.target.blur(); return; }
  if (memory.get("keys") === "off" && event.key.length === 1 && event.key !== "?") return;
  const found = find(event.key);
  if (found) { event.preventDefault(); press(found); }
}

function writes(element) {
  return element.matches?.("textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=range])");
}

function find(key) {
  const now = performance.now();
  const sequence = started && now - startedAt < SEQUENCE_MS ? `${started} ${key}` : "";
  started = "";
  const bound = [...document.querySelectorAll("[data-key]")].filter((element) => !element.closest("[hidden]"));
  const hit = bound.find((element) => sequence && element.dataset.key === sequence) ?? bound.find((element) => element.dataset.key === key);
  if (!hit && bound.some((element) => element.dataset.key.startsWith(`${key} `))) { started = key; startedAt = now; }
  return hit;
}

function listKeys() {
  const bound = commands().filter(([, , key]) => key).map(([, words, key]) => [key.replace("+k", " K"), words]);
  byId("keys-list").replaceChildren(...[...ALWAYS, ...bound].map(([key, words]) => {
    const item = document.createElement("li");
    const name = document.createElement("span");
    name.textContent = words;
    const keys = Object.assign(document.createElement("span"), { className: "combination" });
    keys.append(...key.split(" ").map((part) => Object.assign(document.createElement("kbd"), { textContent: part })));
    item.append(name, keys);
    return item;
  }));
}
