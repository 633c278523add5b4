// Shows changes by others: the page asks every two seconds whether something that it shows has changed, and updates
// only that. A hidden page asks nothing.
(() => {
  const { words, visit } = window.hly;
  const EVERY = 2000; // ms
  const MOST = 120000; // ms between two updates of a list that others keep filling; it tells at once that they do
  const main = () => document.getElementById("hly");
  const noun = () => main()?.dataset.noun;
  const record = () => document.getElementById("record")?.dataset.record;
  const shown = () => [...new Set([...document.querySelectorAll("#hly [data-row], #hly [data-card], #hly [data-touch]")].map((each) => each.dataset.row || each.dataset.card || each.dataset.touch))];

  let token = "";
  let at = ""; // the position of the log that the page shows; a new page states it itself
  let timer = 0;
  let looked = 0;
  let gap = EVERY;

  // Does not change what the user is working on.
  const busy = () =>
    document.querySelector("dialog[open], .board.dragging, .calendar.dragging, :is(.board-card, .slot):is(.waiting, .lifted, .held), th.held, #hly[data-running], form[data-sent], .select2-container--open, details.menu[open]");
  const writes = () => Boolean(document.querySelector("#hly :is(form[data-one], .composer[open] form)"));

  async function ask() {
    if (!token) {
      const answer = await fetch(`${words().watch}token/`, { credentials: "same-origin", headers: { "X-Live": "1", "X-Unattended": "1" } });
      if (!answer.ok) return;
      ({ token } = await answer.json());
    }
    const since = at || main().dataset.at || "";
    const here = record();
    const of = [...shown(), ...(here ? [here] : [])];
    const body = new URLSearchParams({ token, since, noun: noun(), of: of.join(","), here: here || "", writes: writes() ? "1" : "" });
    const answer = await fetch(words().watch, { method: "POST", body, credentials: "omit" });
    if (answer.status === 401) return void (token = "");
    if (!answer.ok) return;
    const told = await answer.json();
    if (here !== record()) return;
    if (here) meet(told.here || []);
    if (!since) told.missed = true; // the page was loaded in parts, and does not state its position
    if (since && told.at !== since) document.dispatchEvent(new Event("happened"));
    if (await renew(told)) at = told.at;
  }

  // Resolves to whether the changes have been shown, or need not be.
  async function renew({ changed, others, missed }) {
    const mine = changed.length || missed;
    if (!mine && (!others || record())) return true;
    if (busy()) return false;
    const now = Date.now();
    // A list that others keep filling is updated less and less often, except on request.
    if (!mine && now - looked < gap) return tellOthers(others), false;
    gap = mine || now - looked > 4 * gap ? EVERY : Math.min(MOST, gap * 2);
    looked = now;
    const before = new Map([...document.querySelectorAll("#hly [data-row]")].map((row) => [row.dataset.row, row.dataset.version]));
    if (!(await visit(location.href, { pushes: false, quiet: true, busy }))) return false;
    tellOthers(0);
    for (const row of document.querySelectorAll("#hly [data-row]")) {
      if (before.get(row.dataset.row) === row.dataset.version) continue;
      row.classList.add("saved");
      setTimeout(() => row.classList.remove("saved"), 1500);
    }
    return true;
  }

  // Tells how many records outside of the list others changed: above it, so that nothing moves.
  function tellOthers(count) {
    let place = document.getElementById("others");
    if (!count) return place?.remove();
    if (!place) {
      place = document.createElement("p");
      Object.assign(place, { id: "others", className: "others" });
      place.setAttribute("role", "status");
      place.dataset.loaded = "1";
      const show = document.createElement("button");
      Object.assign(show, { type: "button", className: "btn small strong", textContent: words().show });
      show.addEventListener("click", () => {
        looked = 0;
        gap = EVERY;
        go();
      });
      place.append(document.createElement("span"), show);
      main().append(place);
    }
    const text = words().others.replace("%s", count);
    if (place.firstChild.textContent !== text) place.firstChild.textContent = text;
  }

  // Shows who else is looking at the record.
  function meet(people) {
    let place = document.getElementById("here");
    if (!people.length) return place?.remove();
    if (!place) {
      place = document.createElement("p");
      Object.assign(place, { id: "here", className: "here" });
      place.setAttribute("role", "status");
      place.dataset.loaded = "1";
      document.querySelector("#record > .trail")?.after(place);
    }
    const text = people.map(({ name, writes }) => (writes ? words().writes : words().here).replace("%s", name)).join(" · ");
    if (place.textContent !== text) place.textContent = text;
  }

  async function go() {
    clearTimeout(timer);
    try {
      if (noun() && !document.hidden) await ask();
    } catch { /* no connection: it asks again */ }
    clearTimeout(timer);
    timer = setTimeout(go, EVERY);
  }

  document.addEventListener("DOMContentLoaded", () => words().watch && go());
  document.addEventListener("visibilitychange", () => !document.hidden && words().watch && go());
})();
