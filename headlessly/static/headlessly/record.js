// The page of a record without reloads: forms are posted, what the server answers takes the page's place.
// Without this file every form and link leads to a page that does the same.
(() => {
  const main = () => document.getElementById("hly");
  const parse = (html) => new DOMParser().parseFromString(html, "text/html");
  let opener = null;

  async function load(url, options = {}) {
    const answer = await fetch(url, { credentials: "same-origin", ...options });
    return { answer, page: parse(await answer.text()) };
  }

  function searchable(place) {
    if (!window.django?.jQuery) return;
    django.jQuery(place).find("select.admin-autocomplete").each(function () {
      const parent = this.closest("dialog");
      django.jQuery(this).djangoAdminSelect2(parent ? { dropdownParent: django.jQuery(parent) } : {});
    });
  }

  function show(page, url) {
    const fresh = page.getElementById("hly");
    if (!fresh) return location.assign(url);
    const field = document.querySelector("[data-field] form[data-one]")?.dataset.one;
    const scrolled = window.scrollY;
    main().replaceWith(document.adoptNode(fresh));
    // Where one is: the menu and the trail in the head.
    for (const where of ["#menu > nav", "#main > header > nav"]) {
      const [old, now] = [document.querySelector(where), page.querySelector(where)];
      if (old && now) old.replaceWith(document.adoptNode(now));
    }
    document.title = page.title;
    const toasts = page.getElementById("toasts");
    document.getElementById("toasts")?.replaceChildren(...(toasts ? toasts.children : []));
    fade();
    searchable(main());
    const here = new URL(url);
    history.replaceState(null, "", here.pathname + here.search);
    window.scrollTo(0, scrolled);
    if (field) saved(field);
  }

  function saved(name) {
    const place = main().querySelector(`[data-field="${name}"]`);
    if (!place) return;
    const sign = document.createElement("span");
    sign.className = "saved";
    sign.setAttribute("role", "status");
    sign.textContent = main().dataset.saved;
    place.append(sign);
    place.querySelector("[data-edits]")?.focus();
    setTimeout(() => sign.remove(), 3000);
  }

  // -- forms ------------------------------------------------------------------------------------
  async function post(form) {
    const { answer, page } = await load(form.action, { method: "POST", body: new FormData(form) });
    delete form.dataset.sent;
    if (answer.redirected || answer.ok) {
      const to = new URL(answer.url);
      document.querySelector("dialog.does[open]")?.close();
      // Another record, another page: its address and its menu come with it.
      if (to.pathname !== location.pathname) return go(answer.url, page);
      return show(page, answer.url);
    }
    const dialog = form.closest("dialog.does");
    const section = page.querySelector("section.do");
    if (dialog && section) return fill(dialog, section);
    const one = page.querySelector("form[data-one]");
    if (form.dataset.one && one) return inPlace(form.closest("[data-field]"), one);
    if (page.getElementById("record")?.dataset.record === document.getElementById("record")?.dataset.record) {
      return show(page, location.href);
    }
    complain(form, page);
  }

  function go(url, page) {
    // The toasts of a page are said once: what was fetched is shown, not asked for again.
    const fresh = page.getElementById("hly");
    if (!fresh || !page.getElementById("record") || !document.getElementById("record")) return location.assign(url);
    history.pushState(null, "", url);
    show(page, url);
    window.scrollTo(0, 0);
  }
  window.addEventListener("popstate", () => location.reload());

  function complain(form, page) {
    const said = page.querySelector("[role=alert]")?.textContent.trim();
    let place = form.querySelector(".wrong");
    if (!place) {
      place = document.createElement("p");
      place.className = "wrong";
      place.setAttribute("role", "alert");
      form.append(place);
    }
    place.textContent = said || page.title;
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches("[data-opens-dialog]")) {
      event.preventDefault();
      return open(form);
    }
    if (!form.matches("[data-live]") || !document.getElementById("record")) return;
    event.preventDefault();
    post(form).catch(() => HTMLFormElement.prototype.submit.call(form));
  });

  // -- the dialog of a verb -----------------------------------------------------------------------
  function fill(dialog, section) {
    dialog.replaceChildren(document.adoptNode(section));
    dialog.setAttribute("aria-labelledby", section.querySelector("h2").id);
    searchable(dialog);
    (dialog.querySelector(".lacks .select2-selection, .lacks input:not([type=hidden])") || dialog.querySelector(".bad input, .bad textarea") || dialog.querySelector("input:not([type=hidden], [type=radio]), textarea, button"))?.focus();
  }

  // What is on its way is called back by Escape, and by whatever is opened after it.
  let coming = null;
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") coming = null;
  });

  async function open(form) {
    const asked = (coming = {});
    opener = form.querySelector("button");
    const query = new URLSearchParams(new FormData(form)).toString();
    const { answer, page } = await load(form.action + (query ? `?${query}` : ""));
    if (coming !== asked) return;
    const section = page.querySelector("section.do");
    if (!section) return location.assign(answer.url);
    let dialog = document.querySelector("dialog.does");
    if (!dialog) {
      dialog = document.createElement("dialog");
      dialog.className = "does";
      const place = document.createElement("div");
      place.className = "hly";
      place.append(dialog);
      document.body.append(place);
      dialog.addEventListener("close", () => {
        dialog.replaceChildren();
        if (opener?.isConnected) opener.focus();
      });
    }
    dialog.showModal();
    fill(dialog, section);
  }

  let waiting = 0;
  function foretell(form) {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const data = new FormData(form);
      data.set("preview", "1");
      const answer = await fetch(form.action, { method: "POST", body: data, credentials: "same-origin" });
      const will = form.querySelector("[data-will]");
      if (answer.ok && will) will.replaceChildren(...parse(await answer.text()).body.childNodes);
    }, 250);
  }
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-foretells]");
    if (form && event.target.name !== "note") foretell(form);
  });
  window.addEventListener("load", () => {
    if (!window.django?.jQuery) return;
    searchableChanges();
  });
  function searchableChanges() {
    django.jQuery(document).on("change", "form[data-foretells] select", function () {
      foretell(this.form);
    });
  }

  // -- one field in place ---------------------------------------------------------------------------
  function inPlace(place, form) {
    for (const child of place.children) child.hidden = true;
    place.querySelector("form[data-one]")?.remove();
    place.append(document.adoptNode(form));
    searchable(form);
    document.dispatchEvent(new Event("rows"));
    const input = form.querySelector("input:not([type=hidden]), textarea, select");
    if (input?.matches(".admin-autocomplete")) django.jQuery(input).select2("open");
    else input?.focus();
  }

  function leave(place) {
    place.querySelector("form[data-one]")?.remove();
    for (const child of place.children) child.hidden = false;
    place.querySelector("[data-edits]")?.focus();
  }

  // What was typed stays, for when it is opened again.
  function shut(details) {
    details.open = false;
    details.querySelector("summary").focus();
  }

  document.addEventListener("click", async (event) => {
    const shuts = event.target.closest("[data-shuts]");
    if (shuts) return shut(shuts.closest("details"));
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    const pen = event.target.closest("a[data-edits]");
    if (pen) {
      event.preventDefault();
      const url = new URL(pen.href);
      url.hash = "";
      url.searchParams.set("only", pen.dataset.edits);
      const { page } = await load(url);
      const form = page.querySelector("form[data-one]");
      return form ? inPlace(pen.closest("[data-field]"), form) : location.assign(pen.href);
    }
    const leaves = event.target.closest("[data-leaves]");
    if (leaves?.closest("[data-field]")) {
      event.preventDefault();
      return leave(leaves.closest("[data-field]"));
    }
    const link = event.target.closest("a[data-live-link]");
    if (link) {
      event.preventDefault();
      const { answer, page } = await load(link.href);
      return show(page, answer.url);
    }
    const older = event.target.closest("a[data-older]");
    if (older && document.getElementById("record")) {
      event.preventDefault();
      const { page } = await load(older.href);
      const part = page.getElementById("timeline");
      older.previousElementSibling.append(...part.querySelectorAll("ol.timeline > li"));
      const next = part.querySelector("a[data-older]");
      if (next) older.replaceWith(document.adoptNode(next));
      else older.remove();
      return;
    }
    event.target.closest("[data-dismisses]")?.closest(".toast").remove();
  });

  document.addEventListener("keydown", (event) => {
    const one = event.target.closest?.("form[data-one]");
    if (one && event.key === "Escape") return leave(one.closest("[data-field]"));
    const written = event.key === "Escape" && event.target.closest?.(".composer[open], .todo details[open]");
    if (written) return shut(written);
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form?.requestSubmit();
  });

  document.addEventListener("toggle", (event) => {
    // Those that a page opens by itself ask for nothing.
    if (event.target.open && event.target.matches(".composer, .todo details")) event.target.querySelector("form :is(textarea, input:not([type=hidden]))")?.focus();
  }, true);

  // -- toasts -----------------------------------------------------------------------------------
  function fade() {
    for (const toast of document.querySelectorAll(".toast:not(.bad)")) {
      const leave = () => (toast.matches(":hover, :focus-within") ? setTimeout(leave, 2000) : toast.remove());
      setTimeout(leave, 8000);
    }
  }
  document.addEventListener("DOMContentLoaded", fade);

  // -- keys -------------------------------------------------------------------------------------
  function keys() {
    const dialog = document.getElementById("keys");
    const list = dialog.querySelector("dl");
    list.replaceChildren();
    const row = (key, does) => {
      const term = document.createElement("dt");
      const keycap = document.createElement("kbd");
      const what = document.createElement("dd");
      keycap.textContent = key;
      term.append(keycap);
      what.textContent = does;
      list.append(term, what);
    };
    for (const each of document.querySelectorAll("[data-key]")) {
      row(each.dataset.key, (each.getAttribute("aria-label") || each.textContent).replace("+", "").trim());
    }
    const search = document.querySelector("[data-search]");
    if (search) row("/", search.dataset.search);
    row("?", list.dataset.keysHelp);
    dialog.showModal();
  }

  document.addEventListener("click", (event) => event.target.closest("[data-keys]") && keys());
  document.addEventListener("keydown", (event) => {
    // A dialog that was just closed may hold the focus until the next frame.
    const busy = event.target.closest?.("input, textarea, select, [contenteditable], dialog[open], .select2-container");
    if (busy || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "?") {
      event.preventDefault();
      return keys();
    }
    if (event.key === "/" && document.querySelector("[data-search]")) {
      event.preventDefault();
      return location.assign(`${document.querySelector("[data-search]").href}#search`);
    }
    if (event.key === "e") return; // the site's own script knows it
    const wanted = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (!wanted) return;
    event.preventDefault();
    wanted.click();
    const written = wanted.closest("details.composer[open]");
    written?.querySelector("form :is(textarea, input:not([type=hidden]))")?.focus();
  });
  document.addEventListener("DOMContentLoaded", () => {
    if (location.hash === "#search") document.querySelector(".hly form.facets input[type=search]")?.focus();
  });
})();
