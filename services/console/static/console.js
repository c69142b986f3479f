// Keys (W3.7), buttons that copy, and the one-time link. Everything works without it but for the
// link, which can be pasted.

const WAIT_MS = 1000;
// Single keys can be switched off in this browser.
const hasKeys = !document.cookie.split("; ").includes("__Host-fairlead-keys=off");
const screens = new Map([...document.querySelectorAll("[data-go]")].map((a) => [a.dataset.go, a]));
const search = document.querySelector('[data-key="/"]');
const help = document.querySelector("#keys");
const palette = document.querySelector("#palette");
let goesSince = 0;

function isTyping(target) {
  return target.matches("input, textarea, select, [contenteditable]");
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "k" && palette) {
    event.preventDefault();
    openPalette();
    return;
  }
  const isHeld = event.ctrlKey || event.metaKey || event.altKey;
  if (!hasKeys || isHeld || isTyping(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (Date.now() - goesSince < WAIT_MS && screens.has(event.key)) {
    location.assign(screens.get(event.key).href);
    return;
  }
  goesSince = event.key === "g" ? Date.now() : 0;
  const does = {
    "/": () => search?.focus(),
    j: () => step(1),
    k: () => step(-1),
    e: expand,
    "?": () => help?.showModal(),
  }[event.key];
  if (does) {
    event.preventDefault();
    does();
  }
});

// Rows are stepped through by the link in each; Enter follows it, as everywhere. Those that have
// none, or that are folded away, are passed over.
const ROWS = "[data-row], .cards tbody tr:not([data-row] *)";
function step(by) {
  const rows = [...document.querySelectorAll(ROWS)];
  const reached = rows.filter((row) => linkOf(row)?.checkVisibility());
  const at = reached.findIndex((row) => row.contains(document.activeElement));
  const row = reached[at < 0 ? (by > 0 ? 0 : reached.length - 1) : at + by];
  if (row) linkOf(row).focus();
}

function linkOf(row) {
  return row.querySelector("a, summary, button");
}

function expand() {
  const row = document.activeElement.closest("[data-row], section, details") ?? document;
  const details = row.matches?.("details") ? row : row.querySelector("details");
  if (details) details.open = !details.open;
}

async function openPalette() {
  const found = palette.querySelector("[data-found]");
  palette.showModal();
  if (!found.dataset.isThere) {
    const answer = await fetch(palette.dataset.from);
    if (!answer.ok) return;
    found.innerHTML = await answer.text();
    found.dataset.isThere = "yes";
  }
  narrow();
}

function narrow() {
  const typed = palette.querySelector("input").value.trim().toLowerCase();
  const words = typed.split(/\s+/);
  for (const line of palette.querySelectorAll("[data-found] li")) {
    const text = line.textContent.toLowerCase();
    line.hidden = line.dataset.lead !== undefined || !words.every((word) => text.includes(word));
  }
  const lead = palette.querySelector("[data-lead]");
  if (!lead) return;
  lead.hidden = !/^#?[0-9]{1,18}$/.test(typed);
  lead.querySelector("a").href = `${lead.dataset.lead}/${typed.replace("#", "")}`;
  lead.querySelector("[data-typed]").textContent = typed;
}

palette?.querySelector("input").addEventListener("input", narrow);
palette?.addEventListener("keydown", (event) => {
  const lines = [...palette.querySelectorAll("[data-found] li:not([hidden]) a")];
  const at = lines.indexOf(document.activeElement);
  if (event.key === "Enter" && at < 0) {
    event.preventDefault();
    lines[0]?.click();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const next = at + (event.key === "ArrowDown" ? 1 : -1);
    (lines[next] ?? palette.querySelector("input")).focus();
  }
});

// Buttons that copy are there only where there is something to copy with.
document.documentElement.classList.toggle("can-copy", Boolean(navigator.clipboard));
document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy], [data-copy-link]");
  if (!button) return;
  const link = button.dataset.copyLink;
  const text = link === undefined ? button.dataset.copy : new URL(link, location.href).href;
  await navigator.clipboard.writeText(text);
  button.classList.add("copied");
  button.addEventListener("blur", () => button.classList.remove("copied"), { once: true });
});

// What is under way tells how far it is; once it is over, the page tells what came of it. Whoever
// hears the page hears of it every ten seconds (W5.4).
const FOLLOW_MS = 1500;
const CALM_MS = 10_000;
async function follow(part, saidAt = Date.now()) {
  const answer = await fetch(part.dataset.follow).catch(() => null);
  if (answer?.headers.has("fairlead-over")) return location.reload();
  const isDue = Date.now() - saidAt >= CALM_MS;
  if (answer?.ok) {
    part.ariaBusy = String(!isDue);
    part.innerHTML = await answer.text();
  }
  setTimeout(follow, FOLLOW_MS, part, isDue ? Date.now() : saidAt);
}
for (const part of document.querySelectorAll("[data-follow]")) setTimeout(follow, FOLLOW_MS, part);

const print = document.querySelector("[data-print]");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}

// An instant is copied as programs read it (W3.9), when all that is selected is one.
document.addEventListener("copy", (event) => {
  const selection = document.getSelection();
  const node = selection?.anchorNode?.parentElement?.closest("time");
  if (!node || selection.toString().trim() !== node.textContent.trim()) return;
  event.clipboardData.setData("text/plain", node.dateTime);
  event.preventDefault();
});

// Times are of the account's zone; whoever is elsewhere is told so.
const zone = document.querySelector("[data-zone-hint]");
if (zone) {
  const offset = (timeZone) =>
    new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "longOffset" })
      .formatToParts(new Date())
      .find(({ type }) => type === "timeZoneName").value;
  zone.hidden = offset(zone.dataset.zoneHint) === offset(undefined);
}

// What is behind the # of a link reaches no server by itself.
const join = document.querySelector("[data-join]");
if (join && location.hash.length > 1) {
  join.elements.token.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  join.requestSubmit();
}

// A deed that waited for a proof goes on by itself.
document.querySelector("form[data-submit]")?.requestSubmit();
