// The editor of a draft: kept one second after the last key; without it there is a button. Rules are
// dragged by their heads as well as moved by buttons.

const form = document.querySelector("[data-saves]");
const WAIT_MS = 1000;
let timer = 0;
let isSending = false;
let isChanged = false;

// Said anew it would be heard anew, a second after each key (W5.4).
function say(text) {
  const place = form.querySelector("[data-told]");
  if (place.textContent !== text) place.textContent = text;
}

function show(answer) {
  for (const edition of document.querySelectorAll('input[name="edition"]')) edition.value = answer.edition;
  say([answer.told, ...answer.others].join(" · "));
  for (const [name, said] of Object.entries(answer.said)) {
    const place = form.querySelector(`[data-said="${CSS.escape(name)}"]`);
    if (place) place.textContent = said;
  }
  for (const place of form.querySelectorAll("[data-remarks]")) {
    const name = place.dataset.remarks;
    const own = answer.remarks.filter(
      ({ field }) => field === name || (place.id && (field.startsWith(`${name}.`) || field.startsWith(`${name}[`))),
    );
    place.replaceChildren(...own.map(({ severity, text }) => {
      const told = document.createElement("p");
      told.className = `remark ${severity}`;
      told.textContent = text;
      return told;
    }));
  }
}

async function save() {
  isSending = true;
  isChanged = false;
  const body = new URLSearchParams(new FormData(form));
  body.set("quietly", "1");
  try {
    const answer = await fetch(location.href, { method: "POST", body });
    if (answer.ok && !answer.redirected) show(await answer.json());
    else form.requestSubmit(); // the whole page tells what is wrong
  } catch {
    isChanged = true; // no connection: what was typed stays in the form
    say(form.dataset.saves);
  }
  isSending = false;
  if (isChanged) later();
}

function later() {
  isChanged = true;
  clearTimeout(timer);
  if (!isSending) timer = setTimeout(save, WAIT_MS);
}

if (form) {
  form.addEventListener("input", (event) => {
    // A new entry is added by its button; until then it is not one.
    if (event.target.type !== "file") later();
  });
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    isChanged = false;
  });
}

for (const chosen of document.querySelectorAll("[data-into]")) {
  chosen.addEventListener("change", async () => {
    const [file] = chosen.files;
    if (!file) return;
    document.getElementById(chosen.dataset.into).value = await file.text();
    later();
  });
}

const list = document.querySelector("ol.rules:has([data-drag])");

if (list) {
  let held = null;
  let before = null; // where it came from: let go elsewhere it goes back
  for (const head of list.querySelectorAll("[data-drag]")) {
    head.draggable = true;
    for (const link of head.querySelectorAll("a")) link.draggable = false;
    head.addEventListener("dragstart", (event) => {
      held = head.closest("li");
      before = held.nextElementSibling;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", "");
    });
    head.addEventListener("dragend", () => {
      if (held) list.insertBefore(held, before);
      held = null;
    });
  }
  list.addEventListener("dragover", (event) => {
    const over = event.target.closest("li");
    if (!held || over?.parentElement !== list) return;
    event.preventDefault();
    if (over === held) return;
    const box = over.getBoundingClientRect();
    const isBelow = event.clientY > box.top + box.height / 2;
    const next = isBelow ? over.nextElementSibling : over;
    if (next !== held) list.insertBefore(held, next);
  });
  list.addEventListener("drop", (event) => {
    if (!held) return;
    event.preventDefault();
    const moved = held.querySelector("form");
    moved.elements.place.value = [...list.children].indexOf(held);
    held = null;
    if (moved.elements.place.value !== moved.elements.rule.value) {
      moved.requestSubmit(moved.querySelector('[value="move"]'));
    }
  });
}
