// Shows the number of unread notifications at the bell. It is requested when a page opens, after an event (see
// watch.js), at intervals, and when the tab becomes visible. The page of notifications asks more often, and renews
// its rows in place.
(() => {
  const EVERY = 60000; // ms
  const LEAST = 3000, MOST = 30000; // ms between two requests: they get fewer while events keep coming
  const OPEN = 5000; // ms, on the page of notifications
  const bell = () => document.querySelector("[data-bell]");
  // Does not move what the user is working on, such as an open menu or a date that is being typed.
  const busy = () => document.querySelector("dialog[open], details.menu[open], form[data-sent]") || document.activeElement?.matches(".notices input");
  let asked = 0, timer = 0, gap = LEAST, stirred = false;

  // The open page of notifications states what it shows, and is renewed as soon as the bell knows of more.
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
    } catch { /* no connection: it asks again */ }
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
