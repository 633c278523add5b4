// A list that is worked through keeps its order in this tab: each record comes once, however it changes meanwhile.
// Without this script the neighbours are those of the list as it is now.
(() => {
  const { words } = window.hly;
  const KEY = "queue";
  const who = () => document.getElementById("palette")?.dataset.who;
  const read = () => {
    try {
      const kept = JSON.parse(sessionStorage.getItem(KEY));
      return kept?.who === who() ? kept : null;
    } catch { return null; }
  };
  const write = (queue) => {
    try { sessionStorage.setItem(KEY, JSON.stringify(queue)); } catch { /* then the current list is used */ }
  };

  const record = () => document.getElementById("record")?.dataset.record;
  const list = () => document.querySelector("#record > .trail [data-queue]")?.dataset.queue;

  // The address of the page with the link that was followed here; empty after a reload, or Back.
  let came = performance.getEntriesByType("navigation")[0]?.type === "navigate" ? document.referrer : "";
  let [wrote, opened] = [false, false];
  document.addEventListener("leave", (event) => {
    [came, opened] = [event.detail.back ? "" : event.detail.from, false];
  });

  // Whether the link was in the list itself: then the queue starts anew, but what was done stays done.
  const cameFromList = (from) => Boolean(came) && new URL(came).pathname === new URL(from, location.href).pathname.replace(/queue\/$/, "");

  // The queue of this record: that of the list that led here, or the one of the record that led out of it.
  async function find() {
    const here = record();
    if (!here) return null;
    const kept = read();
    const from = list();
    const anew = from && !opened && cameFromList(from);
    if (from) opened = true;
    if (kept && kept.ids.includes(here) && (!from || from === kept.list) && !anew) return kept;
    const ledHere = kept?.last && (wrote || kept.led === here || came.includes(`/${kept.last}/`));
    if (!from && ledHere) return kept;
    if (!from) return null;
    const answer = await fetch(from, { credentials: "same-origin", headers: { "X-Live": "1" } }).catch(() => null);
    if (!answer?.ok) return null;
    const { ids, more } = await answer.json();
    if (!ids.includes(here) || here !== record()) return null;
    const queue = { who: who(), list: from, ids, more, done: kept?.list === from ? kept.done.filter((id) => ids.includes(id)) : [], base: location.pathname.replace(here, "%s"), query: location.search.replace(/%26at%3D[\w-]*/, "") };
    write(queue);
    return queue;
  }

  function step(trail, queue, at, rel, key) {
    const old = trail.querySelector(`.steps > :${rel === "prev" ? "first" : "last"}-child`);
    const id = queue.ids[at];
    const sign = rel === "prev" ? "‹" : "›";
    const made = document.createElement(id ? "a" : "span");
    made.className = "btn plain";
    made.textContent = sign;
    if (id) {
      made.href = queue.base.replace("%s", id) + queue.query;
      made.rel = rel;
      made.dataset.key = key;
      made.setAttribute("aria-keyshortcuts", key);
      made.setAttribute("aria-label", rel === "prev" ? words().previous : words().next);
      made.title = `${made.getAttribute("aria-label")} (${key})`;
    } else made.setAttribute("aria-hidden", "true");
    old.replaceWith(made);
  }

  async function show() {
    const queue = await find();
    const trail = document.querySelector("#record > .trail");
    if (!queue || !trail) return;
    const here = record();
    let at = queue.ids.indexOf(here);
    const outside = at < 0;
    if (outside) {
      at = queue.ids.indexOf(queue.last);
      queue.led = here;
    } else queue.last = here;
    write(queue);
    let steps = trail.querySelector(".steps");
    if (!steps) {
      steps = document.createElement("span");
      steps.className = "steps";
      trail.prepend(steps);
    }
    const text = (outside ? words().outside : words().place)
      .replace("%(place)s", at + 1).replace("%(total)s", queue.ids.length + (queue.more ? "+" : "")).replace("%(done)s", queue.done.length);
    if (steps.dataset.of === `${here} ${text}`) return;
    steps.replaceChildren(document.createElement("span"), document.createElement("span"), document.createElement("span"));
    steps.dataset.of = `${here} ${text}`;
    steps.children[1].className = "quiet";
    steps.children[1].textContent = text;
    // Outside of the queue, Back leads to the record that led out of it.
    step(trail, queue, outside ? at : at - 1, "prev", "k");
    step(trail, queue, at + 1, "next", "j");
  }

  // A record counts as done when something was saved in it.
  document.addEventListener("written", (event) => {
    wrote = true;
    const queue = read();
    const here = event.detail || record();
    if (!queue || !queue.ids.includes(here) || queue.done.includes(here)) return;
    queue.done.push(here);
    write(queue);
  });

  document.addEventListener("DOMContentLoaded", show);
  document.addEventListener("parts", show);
})();
