// The page Today by keyboard and without reloads: an entry that was done is removed, and its form for the next step
// is shown in its place.
(() => {
  const today = () => document.getElementById("today");
  const { load, show, forget, tell, tellElsewhere, Unsent } = window.hly;
  const entries = () => [...document.querySelectorAll("#today [data-entry]")];
  const links = (entry) => entry?.querySelector("a.name");

  function step(by) {
    const all = entries();
    const at = all.findIndex((entry) => entry.contains(document.activeElement));
    const to = all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)];
    links(to)?.focus();
  }

  // All entries of the day count as one list, whatever their reasons: the position in it is shown beside its name.
  document.addEventListener("focusin", (event) => {
    const place = document.getElementById("place");
    if (!place) return;
    const at = entries().indexOf(event.target.closest("[data-entry]"));
    place.textContent = at < 0 ? place.dataset.all : place.dataset.at.replace("{at}", at + 1).replace("{all}", place.dataset.all);
  });

  // The position of the last entry that was done: the focus returns there, also after the form for the next step.
  let left = 0;
  const goOn = () => links(entries()[Math.min(left, entries().length - 1)])?.focus();

  async function carryOut(form, submitter) {
    const body = new FormData(form, submitter);
    const place = entries().findIndex((entry) => entry.contains(form));
    if (place >= 0) left = place;
    try {
      const { answer, page } = await load(form.action, { method: "POST", body }, form);
      if (!today()) {
        if (answer.ok) forget(form);
        return tellElsewhere(page, answer.ok);
      }
      if (answer.ok && page.getElementById("today")) {
        forget(form);
        const to = new URL(answer.url);
        history.replaceState(history.state, "", to.pathname + to.search);
        form.closest("details.menu")?.removeAttribute("open");
        show(page, { saved: form });
        const asked = document.querySelector("#next input:not([type=hidden])");
        if (asked && form.closest("[data-entry]")) asked.select();
        else if (place >= 0 || form.closest("#next")) goOn();
        return;
      }
      delete form.dataset.sent;
      const said = page.querySelector(".wrong, [role=alert]")?.textContent.trim();
      tell(form, said || page.title);
    } catch (problem) {
      delete form.dataset.sent;
      if (!(problem instanceof Unsent)) throw problem;
      tell(form, problem.message, () => form.requestSubmit(submitter));
    }
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("#next [data-not-now]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const next = link.closest("#next");
    forget(next.querySelector("form"));
    history.replaceState(history.state, "", link.href);
    next.remove();
    goOn();
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || !form.matches("#today form[data-live]")) return;
    event.preventDefault();
    carryOut(form, event.submitter);
  });

  document.addEventListener("keydown", (event) => {
    if (!today() || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key === "Escape" && event.target.closest("#next")) {
      document.querySelector("[data-not-now]").click();
      return;
    }
    if (event.target.closest("input, textarea, select, [contenteditable], dialog[open]")) return;
    if (event.key === "j" || event.key === "k") {
      event.preventDefault();
      return step(event.key === "j" ? 1 : -1);
    }
    const here = event.target.closest("[data-entry]");
    const does = here?.querySelector(`[data-does="${CSS.escape(event.key)}"]`);
    if (!does) return;
    event.preventDefault();
    does.click();
    does.closest("details[open]")?.querySelector("button")?.focus();
  });
})();
