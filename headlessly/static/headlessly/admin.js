// Dialogs, menus and filters of the workplace. Everything works without, but for the dialogs.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) {
    // A menu is shut first, and has the focus again when the dialog is closed.
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
    // Where the same form is a page of its own, its link leads back.
    const dialog = closer.closest("dialog");
    if (dialog) event.preventDefault();
    dialog?.close();
    return;
  }
  const fills = event.target.closest("[data-fills]");
  if (fills) {
    const input = document.getElementById(fills.dataset.fills);
    // Several texts: each is added to those that are there, once.
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

// A file that is chosen goes, where its form says so.
document.addEventListener("change", (event) => {
  if (event.target.matches("input[type=file][data-sends]") && event.target.files.length) event.target.form.requestSubmit();
});

// A second click while the first is on its way would ask for the same thing twice.
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
  // An address may name the input that it is about.
  const wanted = location.hash.startsWith("#id_") && document.getElementById(location.hash.slice(1));
  if (wanted) {
    const section = wanted.closest("details");
    if (section) section.open = true;
    (wanted.closest(".input") || wanted).scrollIntoView({ block: "center" });
    // Searchable choices are made when the page is ready, which may be later than this.
    if (wanted.matches(".admin-autocomplete")) django.jQuery(() => setTimeout(() => django.jQuery(wanted).djangoAdminSelect2().select2("open")));
    else wanted.focus();
  }
});

// What is opened to be written in has the focus before the next key: a browser tells of it later than that, and a
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

// -- what a page is narrowed by ------------------------------------------------------------------
(() => {
  const facets = () => document.querySelector(".hly form.facets");
  // A choice among the filters narrows at once; a stretch of time asks first for its ends, see lists.js.
  const show = (event) => event.target.matches(".hly form.facets select:not([data-span])") && event.target.form.requestSubmit();
  document.addEventListener("DOMContentLoaded", () => {
    if (window.django?.jQuery) django.jQuery(document).on("change", show);
    else document.addEventListener("change", show);
  });
  // What is not narrowed by has no place in the address.
  window.addEventListener("submit", (event) => {
    const { target: form } = event;
    if (event.defaultPrevented || form !== facets()) return;
    for (const input of form.elements) if (input.name && !input.value) input.disabled = true;
    // How numbers are typed matters only where one is.
    const { typed } = form.elements;
    if (typed) typed.disabled = ![...form.elements].some((input) => input.inputMode === "decimal" && input.value);
  });
  window.addEventListener("pageshow", (event) => {
    const form = facets();
    if (!form) return;
    for (const input of form.elements) input.disabled = false;
    // Come back to, the filters say what the list is filtered by, not what was chosen last.
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
