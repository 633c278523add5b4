// How much somebody has not read stands at the bell: asked when a page opens, and again when something has
// happened (watch.js says so), now and then, and when one comes back to the tab. On the page of the bell more often,
// and its rows are renewed in place.
(() => {
  const EVERY = 60000; // ms
  const LEAST = 3000, MOST = 30000; // ms between two questions: fewer where something happens all the time
  const OPEN = 5000; // ms, on the page of the bell
  const bell = () => document.querySelector("[data-bell]");
  // What one is in the middle of is not moved under one's hand: a menu, a day that is typed.
  const busy = () => document.querySelector("dialog[open], details.menu[open], form[data-sent]") || document.activeElement?.matches(".notices input");
  let asked = 0, timer = 0, gap = LEAST, stirred = false;

  // The open page of the bell says what it has, and has new rows as soon as the bell hears of them.
  async function renew(state) {
    const page = document.querySelector("#hly [data-notices]");
    if (!page || page.dataset.notices === state || busy()) return;
    await window.hly.visit(location.href, { pushes: false, quiet: true, busy });
  }

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
    gap = stirred ? Math.min(MOST, gap * 2) : LEAST;
    stirred = false;
    asked = Date.now();
    try {
      const answer = await fetch(place.dataset.bell, { credentials: "same-origin", headers: { "X-Live": "1", "X-Unattended": "1" } });
      if (answer.ok && answer.headers.get("Content-Type")?.startsWith("application/json")) {
        const told = await answer.json();
        show(told);
        await renew(told.state);
      }
    } catch { /* no line: it asks again */ }
    timer = setTimeout(ask, document.querySelector("#hly [data-notices]") ? OPEN : EVERY);
  }

  function soon(least = LEAST) {
    clearTimeout(timer);
    timer = setTimeout(ask, Math.max(500, asked + least - Date.now()));
  }

  document.addEventListener("DOMContentLoaded", ask);
  document.addEventListener("visibilitychange", () => soon());
  document.addEventListener("happened", () => { stirred = true; soon(gap); });
  document.addEventListener("submit", (event) => event.target.closest(".notices, .head") && soon());
})();
