// The calendar: records are carried to another day by mouse and by keyboard, and the server decides. Without this script
// their dates are changed on their own pages.
(() => {
  const { load, show, fade, warn, Unsent } = window.hly;
  const calendar = () => document.querySelector("[data-calendar]");
  const days = () => [...calendar().querySelectorAll("[data-day]")];
  const dayOf = (element) => element.closest("[data-day]");
  const entryOf = (element) => element.closest?.(".slot[data-movable]");
  const idOf = (entry) => entry.dataset.card || entry.dataset.touch;
  const texts = () => JSON.parse(document.getElementById("calendar-said").textContent);
  const announce = (text) => {
    const place = document.querySelector("[data-announce]");
    place.textContent = "";
    requestAnimationFrame(() => (place.textContent = text));
  };
  const say = (key, entry, day) =>
    announce(texts()[key].replace("%(name)s", () => entry.querySelector(".subject").textContent).replace("%(day)s", () => day.dataset.said));

  let carried = null; // { entry, from, day, keyed }

  const over = (day) => {
    for (const each of days()) each.classList.toggle("over", each === day);
  };

  function lift(entry, keyed) {
    carried = { entry, from: dayOf(entry), day: dayOf(entry), keyed };
    entry.classList.add(keyed ? "held" : "lifted");
    calendar().classList.add("dragging");
  }

  function put() {
    const { entry } = carried;
    carried = null;
    entry.classList.remove("held", "lifted");
    calendar()?.classList.remove("dragging");
    over(null);
  }

  async function move(entry, from, to) {
    const form = document.getElementById("carry");
    const body = new FormData(form);
    const id = idOf(entry);
    body.set("move", `${id} ${entry.dataset.version} ${from.dataset.day} ${to.dataset.day}`);
    const [home, next] = [entry.parentElement, entry.nextElementSibling];
    to.querySelector(".entries").prepend(entry);
    entry.classList.add("waiting");
    try {
      const { page } = await load(form.action, { method: "POST", body }, form);
      if (!page.getElementById("hly")) throw new Unsent(page.title);
      show(page);
      fade();
      const now = calendar()?.querySelector(`[data-card="${CSS.escape(id)}"] .name`);
      if (document.activeElement === document.body || document.activeElement.id === "content") now?.focus();
      announce(document.querySelector("#toasts .toast, #hly > .notice.bad")?.firstElementChild?.textContent || "");
    } catch (problem) {
      if (entry.isConnected) home.insertBefore(entry, next?.isConnected ? next : null);
      if (!(problem instanceof Unsent)) throw problem;
      warn(problem.message, () => entry.isConnected && move(entry, from, to));
    } finally {
      delete form.dataset.sent;
      entry.classList.remove("waiting");
    }
  }

  function drop() {
    const { entry, from, day } = carried;
    put();
    if (day && day !== from) return void move(entry, from, day);
    say("cancelled", entry, from);
  }

  // -- by mouse -------------------------------------------------------------------------------------

  document.addEventListener("dragstart", (event) => {
    const entry = calendar()?.contains(event.target) && entryOf(event.target);
    if (!entry || entry.classList.contains("waiting")) return;
    event.dataTransfer.effectAllowed = "move";
    lift(entry, false);
  });
  document.addEventListener("dragover", (event) => {
    if (!carried || carried.keyed) return;
    carried.day = event.target.closest?.("[data-day]") || null;
    over(carried.day === carried.from ? null : carried.day);
    if (carried.day) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    if (!carried || carried.keyed) return;
    event.preventDefault();
    drop();
  });
  document.addEventListener("dragend", () => carried && !carried.keyed && put());

  // -- by keyboard ----------------------------------------------------------------------------------

  const names = () => [...calendar().querySelectorAll(".slot .name")].filter((name) => name.checkVisibility());

  function step(at, key) {
    const all = names();
    const here = all.indexOf(at);
    if (here < 0) return all[0]?.focus();
    if (["j", "ArrowDown"].includes(key)) return all[here + 1]?.focus();
    if (["k", "ArrowUp"].includes(key)) return all[here - 1]?.focus();
    const away = key === "ArrowRight" ? 1 : -1;
    const others = all.filter((name) => dayOf(name) !== dayOf(at) && (all.indexOf(name) - here) * away > 0);
    const next = away > 0 ? others[0] : others.at(-1);
    // The first of the day before, as of the day after.
    if (next) names().find((name) => dayOf(name) === dayOf(next)).focus();
  }

  function carry(key) {
    const week = calendar().classList.contains("by-month") ? 7 : 0;
    const away = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -week, ArrowDown: week }[key];
    const all = days();
    const next = all[all.indexOf(carried.day) + away];
    if (!away || !next) return;
    carried.day = next;
    over(next === carried.from ? null : next);
    next.scrollIntoView({ block: "nearest" });
    announce(next.dataset.said);
  }

  const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (!calendar() || event.ctrlKey || event.metaKey || event.altKey) return;
    const name = target.closest?.(".calendar .slot .name");
    if (carried?.keyed) {
      if (ARROWS.includes(key)) carry(key);
      else if (key === " " || key === "Enter") drop();
      else if (key === "Escape") (say("cancelled", carried.entry, carried.from), put());
      else return;
      event.preventDefault();
    } else if (name && key === " ") {
      event.preventDefault();
      const entry = entryOf(name);
      if (!entry || entry.classList.contains("waiting")) return;
      lift(entry, true);
      say("picked", entry, carried.day);
    } else if ((name && ARROWS.includes(key)) || (["j", "k"].includes(key) && (name || target === document.body || target.matches("main")))) {
      event.preventDefault();
      step(name, key);
    }
  });
  document.addEventListener("focusout", () => setTimeout(() => carried?.keyed && !carried.entry.contains(document.activeElement) && put(), 0));
  document.addEventListener("leave", () => carried && put());
})();
