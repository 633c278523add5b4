// Dialogs, menus and filters of the workplace. All but the dialogs work without this script.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) {
    // The menu is closed first, and gets the focus back when the dialog is closed.
    const menu = opener.closest("details.menu[open]");
    if (menu) menu.open = false;
    menu?.querySelector("summary").focus();
    document.getElementById(opener.dataset.opens).showModal();
    return;
  }
  const toggle = event.target.closest("[data-toggles]");
  if (toggle) {
    const open = document.getElementById(toggle.dataset.toggles).classList.toggle("open");
    toggle.setAttribute("aria-expanded", open);
    return;
  }
  const closer = event.target.closest("[data-closes]");
  if (closer) {
    // If the same form is a page of its own, its link leads back.
    const dialog = closer.closest("dialog");
    if (dialog) event.preventDefault();
    dialog?.close();
    return;
  }
  const fills = event.target.closest("[data-fills]");
  if (fills) {
    const input = document.getElementById(fills.dataset.fills);
    // An input for several texts: adds this one, unless it is there.
    const there = input.dataset.between ? input.value.split(input.dataset.between).map((text) => text.trim()).filter(Boolean) : [];
    input.value = input.dataset.between
      ? [...new Set([...there, fills.value])].join(`${input.dataset.between} `)
      : fills.value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    return;
  }
  const copier = event.target.closest("[data-copies]");
  if (copier) {
    navigator.clipboard.writeText(copier.dataset.copies).then(() => (copier.textContent += " ✓"));
    return;
  }
  if (event.target.closest('[aria-disabled="true"]')) {
    event.preventDefault();
  }
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
});

// A chosen file is sent at once if its form says so.
document.addEventListener("change", (event) => {
  if (event.target.matches("input[type=file][data-sends]") && event.target.files.length) event.target.form.requestSubmit();
});

// A second click while the first request is running would repeat it.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) {
    event.preventDefault();
    return;
  }
  event.target.dataset.sent = "1";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

document.addEventListener("DOMContentLoaded", () => {
  for (const dialog of document.querySelectorAll("dialog[data-open]")) dialog.showModal();
  // The address may name an input to focus.
  const wanted = location.hash.startsWith("#id_") && document.getElementById(location.hash.slice(1));
  if (wanted) {
    const section = wanted.closest("details");
    if (section) section.open = true;
    (wanted.closest(".input") || wanted).scrollIntoView({ block: "center" });
    // Searchable choices are created when the page is ready, which may be later than this.
    if (wanted.matches(".admin-autocomplete")) django.jQuery(() => setTimeout(() => django.jQuery(wanted).djangoAdminSelect2().select2("open")));
    else wanted.focus();
  }
});

// Moves the focus into a form that was opened before the next key: the browser's toggle event comes later, and a
// space would close it again.
document.addEventListener("click", (event) => {
  const summary = event.target.closest(":is(.composer, .todo details, .refusing) > summary");
  const details = summary?.parentElement;
  if (event.defaultPrevented || !details?.querySelector("form")) return;
  event.preventDefault();
  details.open = !details.open;
  if (!details.open) return;
  details.querySelector("form :is(textarea, input:not([type=hidden]))")?.focus();
  if (document.activeElement.matches("[data-selects]")) document.activeElement.select();
});

// -- filters ---------------------------------------------------------------------------------------
(() => {
  const facets = () => document.querySelector(".hly form.facets");
  // Choosing a filter applies it at once; a period asks for its ends first, see lists.js.
  const show = (event) => event.target.matches(".hly form.facets select:not([data-span])") && event.target.form.requestSubmit();
  document.addEventListener("DOMContentLoaded", () => {
    if (window.django?.jQuery) django.jQuery(document).on("change", show);
    else document.addEventListener("change", show);
  });
  // Empty filters do not appear in the address.
  window.addEventListener("submit", (event) => {
    const { target: form } = event;
    if (event.defaultPrevented || form !== facets()) return;
    for (const input of form.elements) if (input.name && !input.value) input.disabled = true;
    // The format of numbers matters only if there is one.
    const { typed } = form.elements;
    if (typed) typed.disabled = ![...form.elements].some((input) => input.inputMode === "decimal" && input.value);
  });
  window.addEventListener("pageshow", (event) => {
    const form = facets();
    if (!form) return;
    for (const input of form.elements) input.disabled = false;
    // After Back, the filters show what the list is filtered by, not the last choice.
    if (!event.persisted && performance.getEntriesByType("navigation")[0]?.type !== "back_forward") return;
    form.reset();
    if (window.django?.jQuery) django.jQuery(form).find(".select2-hidden-accessible").trigger("change.select2");
  });
})();

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable], dialog[open]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const to = { "/": ".hly form.facets input[type=search]", e: ".hly a[data-key=e]" }[event.key];
  const element = to && document.querySelector(to);
  if (!element) return;
  event.preventDefault();
  if (event.key === "/") element.focus();
  else element.click();
});
