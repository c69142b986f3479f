// A page keeps itself up to date (W3.6): the stream says what changed, the page fetches the sections
// that show it, and morphs them. One tab of a browser reads the stream and tells the others (W6.3).

const EVERY_MS = 2_000;
const POLL_MS = 10_000;
const AGAIN_MS = 3_000;
// The server says every 15 s that it lives.
const SILENT_MS = 40_000;
// Shifts begin and pauses end without an event.
const MINUTE_MS = 60_000;
const LEAVING_MS = 300;
// How it stands is said again no sooner than so (W5.4), but for what somebody does themselves.
const CALM_MS = 10_000;

const bar = document.querySelector("[data-feed]");
const says = bar.querySelector("[data-says]");
const pause = bar.querySelector("[data-pause]");
const pill = bar.querySelector("[data-pill]");
const words = says.dataset;

const changed = new Set();
const held = new Map(); // sections whose rows came or went while somebody was at one
let heard = 0; // the last version that was told of
let timer;
let lastFetch = 0;
let isPaused = false;
let isOver = false;
let isBehind = false;
let staleSince;
let saidAt = 0;
let saying;

bar.hidden = false;

// What is heard, from the stream or from the tab that reads it.

function hear({ kind, version = 0, types, lead_ids: leads, manager_ids: managers, since }) {
  if (kind === "lost") {
    staleSince ??= since;
  } else {
    const wasStale = staleSince !== undefined;
    staleSince = undefined;
    const isMissed = heard > 0 && version > heard && kind === "alive";
    heard = Math.max(heard, version);
    if (kind === "changed") mark((section) => shows(section, types, leads, managers));
    else if (wasStale || isMissed) mark(() => true);
  }
  tell();
}

function shows({ dataset }, types, leads, managers) {
  const isOf = (ids, id) => id === undefined || !ids || ids.includes(Number(id));
  const prefixes = dataset.live.split(" ");
  return (
    types.some((type) => prefixes.some((prefix) => type.startsWith(prefix))) &&
    isOf(leads, dataset.liveLead) &&
    isOf(managers, dataset.liveManager)
  );
}

function mark(isMeant) {
  for (const section of document.querySelectorAll("section[data-live]")) {
    if (isMeant(section)) changed.add(section.id);
  }
  soon();
}

function tell(isAsked = false) {
  const at = staleSince && clock(staleSince);
  let text = words.live;
  if (isBehind) text = words.behind;
  if (isPaused) text = words.paused;
  if (staleSince) text = words.stale.replace("AT", at);
  if (isOver) text = words.over;
  bar.classList.toggle("stale", Boolean(staleSince || isOver));
  clearTimeout(saying);
  if (says.textContent === text) return;
  const waits = saidAt + CALM_MS - Date.now();
  if (waits > 0 && !isAsked) {
    saying = setTimeout(tell, waits);
    return;
  }
  says.textContent = text;
  saidAt = Date.now();
}

function clock(at) {
  const form = { timeZone: bar.dataset.zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Intl.DateTimeFormat("en", form).format(at);
}

// What is fetched: all sections that changed at once, and no sooner than two seconds after the last.

function soon() {
  if (timer || isPaused || isOver || document.hidden || !changed.size) return;
  timer = setTimeout(refresh, Math.max(0, lastFetch + EVERY_MS - Date.now()));
}

async function refresh() {
  const ids = [...changed];
  changed.clear();
  lastFetch = Date.now();
  try {
    await bring(ids);
  } catch {
    for (const id of ids) changed.add(id);
    lastFetch += POLL_MS - EVERY_MS;
    staleSince ??= Date.now();
    tell();
  }
  timer = undefined;
  soon();
}

async function bring(ids) {
  const address = new URL(location.href);
  address.searchParams.set("parts", ids.join(","));
  const headers = { "fairlead-by-itself": "1", "hx-request": "true" };
  const answer = await fetch(address, { headers });
  if (answer.status === 401) {
    isOver = true;
    tell();
    return;
  }
  if (answer.status !== 200 && answer.status !== 404) throw new Error(String(answer.status));
  const fresh = document.createElement("template");
  fresh.innerHTML = await answer.text();
  if (isPaused) {
    for (const id of ids) changed.add(id);
    return;
  }
  for (const section of fresh.content.querySelectorAll("section[data-live]")) await put(section);
  // The tables may not show yet what was heard of: look again.
  isBehind = Number(answer.headers.get("fairlead-shown") ?? heard) < heard;
  if (isBehind) for (const id of ids) changed.add(id);
  tell();
}

// What is put in place: numbers at once; rows neither come nor go under pointer or focus.

async function put(fresh) {
  const section = document.getElementById(fresh.id);
  if (!section) return;
  const rows = fresh.querySelectorAll("[data-row]");
  const there = [...section.querySelectorAll("[data-row]")].map((row) => row.id);
  const isSame = there.join() === [...rows].map((row) => row.id).join();
  if (isBusy() && (!isSame || section.querySelector("form:focus-within"))) {
    held.set(fresh.id, fresh);
    for (const row of rows) {
      const old = document.getElementById(row.id);
      if (old) await morph(old, row);
    }
  } else {
    held.delete(fresh.id);
    await morph(section, fresh);
  }
  showPill();
}

function isBusy() {
  const at = "[data-row]:is(:hover, :focus-within), section[data-live] form:focus-within";
  return document.querySelector(at) !== null;
}

function showPill() {
  const isNew = (row) => !document.getElementById(row.id);
  const rows = [...held.values()].flatMap((each) => [...each.querySelectorAll("[data-row]")]);
  const count = rows.filter(isNew).length;
  pill.hidden = !held.size;
  pill.textContent = count ? pill.dataset.new.replace("COUNT", count) : pill.dataset.moved;
}

async function letIn() {
  for (const [id, fresh] of [...held]) {
    held.delete(id);
    await morph(document.getElementById(id), fresh);
  }
  showPill();
}

// What somebody unfolded stays unfolded.
async function morph(target, fresh) {
  for (const { id } of target.querySelectorAll("details[id][open]")) {
    fresh.querySelector(`details[id="${id}"]`)?.setAttribute("open", "");
  }
  const text = fresh.outerHTML;
  await window.htmx.swap({ sourceElement: target, target, text, swap: "outerMorph" });
}

// Who reads the stream: the tab that holds the lock; it tells the others.

function start() {
  const name = `fairlead${bar.dataset.feed}`;
  if (!navigator.locks || !window.BroadcastChannel || !window.EventSource) {
    setInterval(() => mark(() => true), POLL_MS);
    return;
  }
  const channel = new BroadcastChannel(name);
  let last; // of the tab that reads: how it stands
  const announce = (told) => {
    last = told.kind === "changed" ? { kind: "alive", version: told.version } : told;
    channel.postMessage(told);
    hear(told);
  };
  channel.addEventListener("message", ({ data }) => {
    if (data.kind !== "hello") hear(data);
    else if (last) channel.postMessage(last);
  });
  channel.postMessage({ kind: "hello" });
  navigator.locks.request(name, () => new Promise(() => read(announce)));
}

function read(announce) {
  const source = new EventSource(bar.dataset.feed);
  let silence;
  const lose = () => {
    clearTimeout(silence);
    source.close();
    announce({ kind: "lost", since: Date.now() });
    setTimeout(() => read(announce), AGAIN_MS);
  };
  const listen = (kind) => ({ data }) => {
    clearTimeout(silence);
    silence = setTimeout(lose, SILENT_MS);
    announce({ kind, ...JSON.parse(data) });
  };
  for (const kind of ["alive", "changed"]) source.addEventListener(kind, listen(kind));
  source.addEventListener("error", lose);
}

pause.addEventListener("click", () => {
  isPaused = !isPaused;
  const { goOn } = pause.dataset;
  [pause.dataset.goOn, pause.textContent] = [pause.textContent, goOn];
  tell(true);
  soon();
});
pill.addEventListener("click", letIn);
for (const name of ["pointerout", "focusout"]) {
  document.addEventListener(name, () => {
    if (held.size) setTimeout(() => isBusy() || letIn(), LEAVING_MS);
  });
}
document.addEventListener("visibilitychange", soon);
setInterval(() => mark(() => true), MINUTE_MS);
tell();
start();
