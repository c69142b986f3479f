// A part of a page that says `data-again="SECONDS"` is fetched again and put in its place.
const part = () => document.querySelector("[data-again]");

const again = async () => {
  const old = part();
  if (!old) return;
  if (document.visibilityState === "visible") {
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById(old.id);
        if (fresh && fresh.innerHTML !== old.innerHTML) old.replaceWith(fresh);
      }
    } catch {
      // No connection now; the next time, perhaps.
    }
  }
  const next = part();
  if (next) setTimeout(again, Number(next.dataset.again) * 1000);
};

if (part()) setTimeout(again, Number(part().dataset.again) * 1000);
