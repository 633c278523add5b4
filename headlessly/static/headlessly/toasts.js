// Shows for a while what was done, and undoes it: by the toast's button, or by Ctrl-Z, which undoes the last requests
// of this tab one by one; Ctrl-Shift-Z redoes them. A form with data-undo names a request.
(() => {
  const KEPT = 50; // requests that a tab remembers
  const SHOWN = 8000; // ms that a toast stays
  const template = () => document.querySelector("template[data-undo-form]");
  const name = () => `undo ${template()?.dataset.undoForm}`;
  const recall = () => {
    try { return JSON.parse(sessionStorage.getItem(name())) || {}; } catch { return {}; }
  };
  const keep = (steps) => {
    try { sessionStorage.setItem(name(), JSON.stringify(steps)); } catch { /* the toast still has its button */ }
  };
  const kindOf = (form) => ("redo" in form.dataset ? "redo" : "undo");

  // Remembers a request that the page offers to undo, once.
  function notice(form) {
    const steps = recall();
    const seen = steps.seen || [];
    const request = form.dataset.undo;
    if (seen.includes(request)) return;
    const kind = kindOf(form);
    steps[kind] = [...(steps[kind] || []), request].slice(-KEPT);
    // After a new request, former ones can no longer be redone by a key.
    if (kind === "undo" && !steps.again) steps.redo = [];
    delete steps.again;
    steps.seen = [...seen, request].slice(-2 * KEPT);
    keep(steps);
  }

  // A request that was undone by its button is forgotten; a key then undoes the one before.
  function taken(form) {
    const steps = recall();
    for (const kind of ["undo", "redo"]) steps[kind] = (steps[kind] || []).filter((each) => each !== form.dataset.undo);
    if (kindOf(form) === "redo") steps.again = true;
    keep(steps);
  }

  // Creates a form that undoes the request, also for changes without a page, such as a moved card.
  function make(request, redo) {
    const form = template().content.querySelector(redo ? "form[data-redo]" : "form:not([data-redo])").cloneNode(true);
    form.dataset.undo = form.elements.request.value = request;
    form.elements.back.value = location.pathname + location.search;
    const token = document.querySelector("[name=csrfmiddlewaretoken]")?.value;
    if (token) form.elements.csrfmiddlewaretoken.value = token;
    return form;
  }

  // Where keys are for typing. A dialog that only tells what was done takes no input.
  const writes = (target) => {
    const dialog = target.closest?.("dialog[open]");
    return target.closest?.("input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]") || (dialog && !dialog.querySelector("form[data-undo]"));
  };

  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    if (event.defaultPrevented || !template() || writes(event.target)) return;
    const redo = event.shiftKey;
    const request = (recall()[redo ? "redo" : "undo"] || []).at(-1);
    if (!request) return;
    event.preventDefault();
    let form = [...document.querySelectorAll(`form[data-undo="${CSS.escape(request)}"]`)].find((each) => each.checkVisibility());
    if (!form) {
      const toast = document.createElement("div");
      toast.className = "toast";
      toast.append((form = make(request, redo)));
      (document.getElementById("toasts") || document.body).append(toast);
    }
    form.requestSubmit();
  });
  document.addEventListener("submit", (event) => event.target.matches?.("form[data-undo]") && taken(event.target));

  // -- the toasts themselves ----------------------------------------------------------------------
  function fade() {
    for (const toast of document.querySelectorAll(".toast:not(.bad):not([data-fades])")) {
      toast.dataset.fades = "";
      const leave = () => (toast.matches(":hover, :focus-within") ? setTimeout(leave, 2000) : toast.remove());
      setTimeout(leave, SHOWN);
    }
  }
  // Shows that an answer without a page saved something.
  function saved(answer) {
    const request = answer.headers.get("X-Undo");
    if (!request || !template()) return;
    const toast = document.createElement("div");
    toast.className = "toast";
    const text = document.createElement("span");
    text.textContent = document.getElementById("hly")?.dataset.saved || "";
    toast.append(text, make(request));
    document.getElementById("toasts")?.replaceChildren(toast);
    fade();
  }

  const look = (root) => {
    for (const form of root.querySelectorAll?.("form[data-undo]") || []) if (form.dataset.undo) notice(form);
  };
  document.addEventListener("DOMContentLoaded", () => {
    fade();
    if (!template()) return;
    look(document);
    new MutationObserver((changes) => {
      for (const { addedNodes } of changes) for (const node of addedNodes) look(node);
    }).observe(document.body, { childList: true, subtree: true });
  });
  document.addEventListener("click", (event) => event.target.closest("[data-dismisses]")?.closest(".toast").remove());

  Object.assign(window.hly, { undoForm: make, saved, fade });
})();
