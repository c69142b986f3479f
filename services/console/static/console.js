// Keys, buttons that copy, and the one-time link. Everything works without it but for the link, which can be pasted.

const going = new Map([...document.querySelectorAll("[data-go]")].map((a) => [a.dataset.go, a]));
const search = document.querySelector('[data-key="/"]');
const WAIT_MS = 1000;
// Single keys can be switched off in this browser (W3.7).
const hasKeys = !document.cookie.split("; ").includes("__Host-fairlead-keys=off");
let isGoing = 0;

function isTyping(target) {
  return target.matches("input, textarea, select, [contenteditable]");
}

document.addEventListener("keydown", (event) => {
  if (!hasKeys || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (event.key === "/" && search) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "g") {
    isGoing = Date.now();
  } else if (Date.now() - isGoing < WAIT_MS && going.has(event.key)) {
    location.assign(going.get(event.key).href);
  }
});

// Buttons that copy are there only where there is something to copy with.
for (const button of document.querySelectorAll("[data-copy], [data-copy-link]")) {
  button.hidden = !navigator.clipboard;
}
document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy], [data-copy-link]");
  if (!button) return;
  const link = button.dataset.copyLink;
  const text = link === undefined ? button.dataset.copy : new URL(link, location.href).href;
  await navigator.clipboard.writeText(text);
  button.classList.add("copied");
  button.addEventListener("blur", () => button.classList.remove("copied"), { once: true });
});

// What is under way tells how far it is; once it is over, the page tells what came of it.
const FOLLOW_MS = 1500;
async function follow(part) {
  const answer = await fetch(part.dataset.follow).catch(() => null);
  if (answer?.headers.has("fairlead-over")) return location.reload();
  if (answer?.ok) part.innerHTML = await answer.text();
  setTimeout(follow, FOLLOW_MS, part);
}
for (const part of document.querySelectorAll("[data-follow]")) setTimeout(follow, FOLLOW_MS, part);

const print = document.querySelector("[data-print]");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
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
