// Hours of a week: what is typed is drawn by the server; dragging in the picture, and the arrow keys
// at a time, only write the text.

const DAY = 1440;
const STEP = 15;
const EDGE_PX = 8;
const WAIT_MS = 300;
const TIME = /\d{1,2}(?:[:.]\d{2})?/g;
const INTERVAL = /(\d{1,2}(?:[:.]\d{2})?)\s*[-\u2013\u2014\u2212]\s*(\d{1,2}(?:[:.]\d{2})?)/g;

const written = (minutes) => {
  const hour = Math.floor(minutes / 60);
  const rest = minutes % 60;
  return rest ? `${hour}:${String(rest).padStart(2, "0")}` : `${hour}`;
};
const minutesOf = (time) => {
  const [hour, rest = "0"] = time.split(/[:.]/);
  return Number(hour) * 60 + Number(rest);
};
const intervalsOf = (text) =>
  [...text.matchAll(INTERVAL)].map(([, from, to]) => [minutesOf(from), minutesOf(to)]);
const within = (minutes) => Math.max(0, Math.min(DAY, minutes));

for (const form of document.querySelectorAll("[data-week]")) {
  const inputOf = (day) => form.elements[`day_${day}`];
  let waits = 0;
  let asked = 0;

  async function look() {
    const number = ++asked;
    const answer = await fetch(form.dataset.week, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (!answer.ok || number !== asked) return; // a newer one is on its way
    const drawn = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of drawn.body.children) {
      const here = document.getElementById(part.id);
      const input = inputOf(part.id.slice("week-".length));
      const wrong = part.querySelector(".wrong").textContent;
      if (wrong) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
      here.replaceChildren(...part.childNodes);
    }
  }

  function write(day, intervals) {
    inputOf(day).value = intervals
      .toSorted((one, other) => one[0] - other[0])
      .map(([from, to]) => `${written(from)}-${written(to)}`)
      .join(" ");
    inputOf(day).dispatchEvent(new Event("input", { bubbles: true }));
  }

  form.addEventListener("input", () => {
    clearTimeout(waits);
    waits = setTimeout(look, WAIT_MS);
  });

  // Up and down change the time at the cursor; with shift by a minute.
  form.addEventListener("keydown", (event) => {
    const input = event.target;
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!by || !input.matches("[data-hours]")) return;
    for (const found of input.value.matchAll(TIME)) {
      const end = found.index + found[0].length;
      if (input.selectionStart < found.index || input.selectionStart > end) continue;
      const changed = written(within(minutesOf(found[0]) + by * (event.shiftKey ? 1 : STEP)));
      input.setRangeText(changed, found.index, end, "start");
      input.setSelectionRange(found.index, found.index + changed.length);
      input.dispatchEvent(new Event("input", { bubbles: true }));
      event.preventDefault();
      return;
    }
  });

  // An edge is moved; what begins where nothing is becomes an interval. On a phone one types.
  form.addEventListener("pointerdown", (event) => {
    const picture = event.target.closest("svg.hours");
    if (!picture || event.pointerType === "touch" || event.button) return;
    const { day } = picture.dataset;
    const { left, width } = picture.getBoundingClientRect();
    const at = ({ clientX }) => within(Math.round((((clientX - left) / width) * DAY) / STEP) * STEP);
    const intervals = intervalsOf(inputOf(day).value).toSorted((one, other) => one[0] - other[0]);
    const near = (minutes) => Math.abs((minutes / DAY) * width + left - event.clientX) <= EDGE_PX;
    const begun = at(event);
    let dragged = intervals.find((each) => near(each[0]) || near(each[1]));
    let edge = dragged && near(dragged[1]) ? 1 : 0;
    if (!dragged) {
      if (event.target.dataset.number !== undefined) return;
      dragged = [begun, begun];
      edge = 1;
    }
    picture.setPointerCapture(event.pointerId);
    event.preventDefault();
    const shape = picture.querySelector(".drawn") ?? picture.appendChild(document.createElementNS(picture.namespaceURI, "rect"));
    shape.setAttribute("class", "drawn");
    shape.setAttribute("y", "2");
    shape.setAttribute("height", "20");
    const moved = (now) => {
      if (intervals.includes(dragged)) dragged[edge] = at(now);
      else dragged = [Math.min(begun, at(now)), Math.max(begun, at(now))];
      const to = dragged[1] > dragged[0] ? dragged[1] : DAY;
      shape.setAttribute("x", dragged[0]);
      shape.setAttribute("width", to - dragged[0]);
    };
    picture.addEventListener("pointermove", moved);
    picture.addEventListener(
      "lostpointercapture",
      () => {
        picture.removeEventListener("pointermove", moved);
        shape.remove();
        if (dragged[0] === dragged[1]) return;
        write(day, intervals.includes(dragged) ? intervals : [...intervals, dragged]);
      },
      { once: true },
    );
  });
}
