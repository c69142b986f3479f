/* Screens of ours within a page of Kommo's. The token comes by a message from one of the account's
   own pages, lives in memory, and goes with every question; there are no cookies. */

const { base, hosts } = document.body.dataset;
const known = new Set(hosts.split(" "));
const main = document.getElementById("main");
const wait = document.getElementById("wait");
const failed = document.getElementById("failed");
let token = "";
let language = "en";
let place = `${base}/schedules`;
let isAsking = false;

function tell(message) {
  // Nothing in it is a secret, and who may frame us the policy of this page says.
  window.parent.postMessage(message, "*");
}

window.addEventListener("message", (event) => {
  const { fairlead, token: given, scheme, language: spoken } = event.data ?? {};
  if (event.source !== window.parent || !known.has(event.origin) || fairlead !== "token") return;
  token = given;
  language = spoken || "en";
  document.documentElement.lang = language;
  document.documentElement.style.colorScheme = scheme === "dark" ? "dark" : "light";
  if (!main.childElementCount || isAsking) go(place);
});

async function go(address, request = {}) {
  wait.hidden = false;
  failed.hidden = true;
  try {
    const answer = await fetch(address, {
      ...request,
      headers: { Authorization: `Bearer ${token}`, "Accept-Language": language },
    });
    if (answer.status === 401 && !isAsking) {
      // The session has ended: the page around us begins another, and then it goes on here.
      isAsking = true;
      if (!request.method) place = address;
      tell({ fairlead: "ready" });
      return;
    }
    isAsking = false;
    place = new URL(answer.url).pathname + new URL(answer.url).search;
    show(await answer.text());
  } catch {
    failed.hidden = false;
  } finally {
    wait.hidden = true;
  }
}

function show(text) {
  // A parsed document runs no script; what is in it came from our own templates.
  const page = new DOMParser().parseFromString(text, "text/html");
  main.replaceChildren(...document.importNode(page.querySelector("main"), true).childNodes);
  for (const link of document.querySelectorAll(".tabs a")) {
    if (place.startsWith(link.getAttribute("href"))) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  main.focus({ preventScroll: true });
  tell({ fairlead: "height", px: document.documentElement.scrollHeight });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || link.getAttribute("href").startsWith("#")) return;
  event.preventDefault();
  // "?kind=rotating" is of the page that is shown, which the address of the frame does not tell.
  const address = new URL(link.getAttribute("href"), new URL(place, window.location.origin));
  const isOurs = address.origin === window.location.origin && address.pathname.startsWith(base);
  if (isOurs) go(address.pathname + address.search);
});

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  const sent = new URLSearchParams(new FormData(form, event.submitter));
  const address = event.submitter?.getAttribute("formaction") || form.getAttribute("action") || place;
  if (form.method === "get") go(`${address.split("?")[0]}?${sent}`);
  else go(address, { method: "POST", body: sent });
});

document.addEventListener("toggle", () => {
  tell({ fairlead: "height", px: document.documentElement.scrollHeight });
}, true);

tell({ fairlead: "ready" });
