// Ctrl-K: type a ticket's number or words, or the name of anything that can be done here.

import { byId } from "./page.js";
import { commands, press } from "./keys.js";

const TYPING_MS = 160;
const COMMANDS_MAX = 9;
const REFERENCE = /^[a-z][a-z0-9]{1,9}-\d+$/i;

let asked = 0;
let waiting;

export function startPalette() {
  const dialog = byId("palette");
  if (!dialog) return;
  const input = byId("palette-input");
  dialog.addEventListener("desk:opened", () => { input.value = ""; show(""); });
  input.addEventListener("input", () => { show(input.value.trim()); });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); move(event.key === "ArrowDown" ? 1 : -1); }
    if (event.key === "Enter") { event.preventDefault(); choose(chosen()); }
  });
  byId("palette-list").addEventListener("click", (event) => choose(event.target.closest("[role=option]")));
}

function show(typed) {
  const list = byId("palette-list");
  const wanted = typed.toLowerCase();
  const fitting = commands().filter(([, words]) => words.toLowerCase().includes(wanted)).slice(0, COMMANDS_MAX);
  const direct = REFERENCE.test(typed) ? [option(`Open ${typed.toUpperCase()}`, "", { href: `/tickets/${typed.toUpperCase()}` })] : [];
  const search = typed ? [option(`Search all tickets for “${typed}”`, "", { href: `/inbox?status=all&q=${encodeURIComponent(typed)}` })] : [];
  const things = fitting.map(([element, words, key]) => option(words, key.replace("+", " "), { run: element }));
  list.replaceChildren(...direct, ...things, ...search);
  select(list.querySelector("[role=option]"));
  clearTimeout(waiting);
  if (typed.length > 1) waiting = setTimeout(() => findTickets(typed), TYPING_MS);
}

async function findTickets(typed) {
  const mine = ++asked;
  const answer = await fetch(`/palette?q=${encodeURIComponent(typed)}`, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (!answer?.ok || mine !== asked || byId("palette-input").value.trim() !== typed) return;
  const found = document.createElement("template");
  found.innerHTML = await answer.text();
  const list = byId("palette-list");
  const tickets = [...found.content.querySelectorAll("[role=option]")];
  if (!tickets.length) return;
  list.prepend(...tickets);
  select(tickets[0]);
}

function option(words, key, { href, run }) {
  const made = document.createElement("div");
  made.setAttribute("role", "option");
  made.setAttribute("aria-selected", "false");
  made.id = `po-${Math.random().toString(36).slice(2)}`;
  if (href) made.dataset.href = href;
  made.run = run;
  const name = Object.assign(document.createElement("span"), { className: "grow", textContent: words });
  made.append(name, ...key.split(" ").filter(Boolean).map((part) => Object.assign(document.createElement("kbd"), { textContent: part })));
  return made;
}

const chosen = () => byId("palette-list").querySelector("[aria-selected=true]");

function select(made) {
  chosen()?.setAttribute("aria-selected", "false");
  const input = byId("palette-input");
  if (!made) { input.removeAttribute("aria-activedescendant"); return; }
  made.setAttribute("aria-selected", "true");
  input.setAttribute("aria-activedescendant", made.id);
  made.scrollIntoView({ block: "nearest" });
}

function move(step) {
  const all = [...byId("palette-list").querySelectorAll("[role=option]")];
  if (all.length) select(all[(all.indexOf(chosen()) + step + all.length) % all.length]);
}

function choose(made) {
  if (!made) return;
  byId("palette").close();
  if (made.dataset.href) location.href = made.dataset.href;
  else press(made.run);
}
