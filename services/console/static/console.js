// Keys, and the one-time link. Everything works without it but for the link, which can be pasted.

const going = new Map([...document.querySelectorAll("[data-go]")].map((a) => [a.dataset.go, a]));
const search = document.querySelector('[data-key="/"]');
const WAIT_MS = 1000;
let isGoing = 0;

function isTyping(target) {
  return target.matches("input, textarea, select, [contenteditable]");
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (event.key === "/" && search) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "g") {
    isGoing = Date.now();
  } else if (Date.now() - isGoing < WAIT_MS && going.has(event.key)) {
    location.assign(going.get(event.key).href);
  }
});

// What is behind the # of a link reaches no server by itself.
const join = document.querySelector("[data-join]");
if (join && location.hash.length > 1) {
  join.elements.token.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  join.requestSubmit();
}
