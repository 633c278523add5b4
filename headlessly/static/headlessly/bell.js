// How much somebody has not read stands at the bell: asked when a page opens, and again when something has
// happened (watch.js says so), now and then, and when one comes back to the tab.
(() => {
  const EVERY = 60000; // ms
  const LEAST = 3000, MOST = 30000; // ms between two questions: fewer where something happens all the time
  const bell = () => document.querySelector("[data-bell]");
  let asked = 0, timer = 0, gap = LEAST;

  function show({ count, text }) {
    const place = bell();
    if (!place) return;
    let mark = place.querySelector(".bell-count");
    if (!count) mark?.remove();
    else {
      if (!mark) {
        mark = document.createElement("span");
        mark.className = "bell-count";
        place.append(mark);
      }
      if (mark.textContent !== text) mark.textContent = text;
    }
    place.setAttribute("aria-label", count ? place.dataset.some.replace("%s", text) : place.dataset.none);
  }

  async function ask() {
    const place = bell();
    if (!place || document.hidden) return;
    clearTimeout(timer);
    gap = Date.now() - asked > 4 * gap ? LEAST : Math.min(MOST, gap * 2);
    asked = Date.now();
    try {
      const answer = await fetch(place.dataset.bell, { credentials: "same-origin", headers: { "X-Live": "1", "X-Unattended": "1" } });
      if (answer.ok && answer.headers.get("Content-Type")?.startsWith("application/json")) show(await answer.json());
    } catch { /* no line: it asks again */ }
    timer = setTimeout(ask, EVERY);
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(ask, Math.max(500, asked + gap - Date.now()));
  }

  document.addEventListener("DOMContentLoaded", ask);
  document.addEventListener("visibilitychange", soon);
  document.addEventListener("happened", soon);
  document.addEventListener("submit", (event) => event.target.closest(".notices, .head") && soon());
})();
