// The page of a record without reloads: forms are posted, and the response updates the page. Without this script
// every form and link leads to a page that does the same.
(() => {
  const main = () => document.getElementById("hly");
  const { ahead, writesElsewhere, load, tellElsewhere, makeChoices, holdsUnsaved, restore, forget, parse, tell, warn, Unsent } = window.hly;
  let opener = null;

  // Updates the page with the response; ``saved`` is the form that was sent.
  function show(page, url, saved) {
    if (!page.getElementById("hly")) return location.assign(url);
    const field = saved?.dataset.one;
    const here = new URL(url);
    history.replaceState(history.state, "", here.pathname + here.search);
    const open = openComposer()?.textContent;
    window.hly.show(page, { saved });
    // If the response opens the form for a next step, it is opened as if by a click, which moves the focus into it.
    const summary = openComposer();
    if (summary && summary.textContent !== open) {
      summary.parentElement.open = false;
      summary.click();
    }
    window.hly.fade();
    if (field) confirm(field);
  }

  const openComposer = () => main().querySelector(".composer[open] > summary");

  function confirm(name) {
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
  function post(form, pressed) {
    const body = new FormData(form, pressed);
    form.querySelector(":scope > .unsent")?.remove();
    carryOut(form, body).catch((problem) => {
      delete form.dataset.sent;
      if (!(problem instanceof Unsent)) throw problem;
      tell(form, problem.message, () => form.requestSubmit());
    });
  }

  async function carryOut(form, body) {
    const { path, record } = { path: location.pathname, record: document.getElementById("record").dataset.record };
    const { answer, page } = await load(form.action, { method: "POST", body }, form);
    const done = answer.redirected || answer.ok;
    if (done) {
      forget(form);
      document.dispatchEvent(new CustomEvent("written", { detail: record }));
    }
    if (location.pathname !== path) return tellElsewhere(page, done);
    if (done) {
      const to = new URL(answer.url);
      form.closest("dialog.does[open]")?.close();
      // Another record is another page, with its address and its menu.
      if (to.pathname !== location.pathname) return go(answer.url, page, form);
      return show(page, answer.url, form);
    }
    delete form.dataset.sent;
    const dialog = form.closest("dialog.does");
    // What must be asked first, even for a button without a form.
    const section = page.querySelector("section.do, .ask-page");
    if (section) return fill(dialog || shownDialog(form.querySelector("button")), section);
    const one = page.querySelector("form[data-one]");
    if (form.dataset.one && one) return inPlace(form.closest("[data-field]"), one);
    if (page.getElementById("record")?.dataset.record === document.getElementById("record")?.dataset.record) {
      return show(page, location.href, form);
    }
    complain(form, page);
  }

  function go(url, page, saved) {
    // The toasts of a page are sent once: the loaded page is shown, not requested again. If something else is not
    // saved yet, the browser asks before it leaves.
    const fresh = page.getElementById("hly");
    if (!fresh || holdsUnsaved(main(), saved) || !page.getElementById("record") || !document.getElementById("record")) return location.assign(url);
    window.hly.push(url);
    show(page, url, saved);
    window.scrollTo(0, 0);
  }

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

  // Tells if what a link or a button requests could not be loaded.
  const attempt = (asked) =>
    asked.catch((problem) => {
      if (!(problem instanceof Unsent)) throw problem;
      warn(problem.message);
    });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    // It is being sent already: see admin.js.
    if (event.defaultPrevented) return;
    if (form.matches("[data-opens-dialog]")) {
      event.preventDefault();
      return attempt(open(form));
    }
    if (!form.matches("[data-live]") || !document.getElementById("record")) return;
    event.preventDefault();
    post(form, event.submitter);
  });

  // -- the dialog of a verb -----------------------------------------------------------------------
  function fill(dialog, section) {
    dialog.replaceChildren(document.adoptNode(section));
    dialog.setAttribute("aria-labelledby", section.querySelector("h2").id);
    makeChoices(dialog);
    restore(dialog.querySelector("form"));
    (dialog.querySelector(".lacks .select2-selection, .lacks input:not([type=hidden])") || dialog.querySelector(".bad input, .bad textarea") || dialog.querySelector("[data-first]") || dialog.querySelector(".inputs :is(input:not([type=hidden]), textarea, .select2-selection)") || dialog.querySelector("button:not(.visually-hidden)"))?.focus();
    if (document.activeElement.matches("[data-selects]")) document.activeElement.select();
  }

  // Escape, or opening something else, cancels the dialog that is loading.
  let coming = null;
  document.addEventListener("visit", () => (coming = null));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") coming = null;
  });

  const open = (form) => ahead(openDialog(form));
  async function openDialog(form) {
    const asked = (coming = {});
    const from = document.activeElement;
    opener = form.querySelector("button");
    const query = new URLSearchParams(new FormData(form)).toString();
    const { answer, page } = await load(form.action + (query ? `?${query}` : ""));
    if (coming !== asked || writesElsewhere(from)) return false;
    const section = page.querySelector("section.do");
    if (!section) {
      location.assign(answer.url);
      return false;
    }
    fill(shownDialog(opener), section);
    return true;
  }

  // Opens the dialog of verbs. Closing it returns the focus to what opened it; if that was in a menu, the menu is
  // closed, and gets the focus.
  function shownDialog(from) {
    const menu = from?.closest("details.menu[open]");
    if (menu) menu.open = false;
    opener = menu ? menu.querySelector("summary") : from;
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
    if (!dialog.open) dialog.showModal();
    return dialog;
  }

  let waiting = 0, foretold = 0;
  function foretell(form) {
    clearTimeout(waiting);
    const mine = (foretold += 1); // earlier answers are ignored
    waiting = setTimeout(async () => {
      const data = new FormData(form);
      data.set("preview", "1");
      for (const [name, value] of [...data]) if (value instanceof File) data.delete(name);
      // What is foretold may be missed: what is done says what is wrong.
      const headers = { "X-Live": "1" }; // else who is signed out would be led to the page where one signs in
      const answer = await fetch(form.action, { method: "POST", body: data, headers, credentials: "same-origin" }).catch(() => ({}));
      const will = form.querySelector("[data-will]");
      const told = answer.ok && will && parse(await answer.text()).body;
      if (!told || mine !== foretold) return;
      // A comparison is replaced if it is about another record; the choices in it are kept otherwise.
      const fresh = told.querySelector("[data-compared]");
      const compared = form.querySelector("[data-compared]");
      fresh?.remove();
      if (fresh && compared?.dataset.compared !== fresh.dataset.compared) compared?.replaceWith(document.adoptNode(fresh));
      will.replaceChildren(...told.childNodes);
    }, 250);
  }
  // Links in a dialog change what it is about: another record, or the other direction.
  document.addEventListener("click", (event) => {
    const way = event.target.closest("dialog.does a[data-way]");
    if (!way || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    attempt(
      load(way.href).then(({ answer, page }) => {
        const dialog = document.querySelector("dialog.does[open]");
        const section = page.querySelector("section.do");
        if (!section) return location.assign(answer.url);
        if (dialog) fill(dialog, section);
      }),
    );
  });
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
  function stand(place, form) {
    for (const child of place.children) child.hidden = !child.matches("header");
    place.querySelector("form[data-one]")?.remove();
    place.append(form);
  }

  function inPlace(place, form) {
    stand(place, document.adoptNode(form));
    makeChoices(form);
    document.dispatchEvent(new Event("rows"));
    restore(form);
    const input = form.querySelector("input:not([type=hidden]), textarea, select");
    if (input?.matches(".admin-autocomplete")) django.jQuery(input).select2("open");
    else input?.focus();
  }

  // A click on a value edits it; links in it still work.
  document.addEventListener("click", (event) => {
    const place = event.target.closest("#record [data-field]");
    if (!place || event.defaultPrevented || event.target.closest("a, button, summary, input, textarea, select, form, label") || String(getSelection())) return;
    place.querySelector("[data-edits]")?.click();
  });

  // A click on a stage moves the record there, if that is allowed.
  function stages(page) {
    for (const step of page.querySelectorAll(".path [data-step]:not(.now)")) {
      const does = [...page.querySelectorAll(`.acts button[data-key="${step.dataset.step}"]`)].find((each) => each.getAttribute("aria-disabled") !== "true");
      if (!does || step.querySelector("button")) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.presses = step.dataset.step;
      button.title = does.title || does.textContent.trim();
      button.append(...step.childNodes);
      step.append(button);
    }
  }
  document.addEventListener("fresh", (event) => stages(event.detail));
  document.addEventListener("DOMContentLoaded", () => main() && stages(main()));
  document.addEventListener("click", (event) => {
    const step = event.target.closest("[data-presses]");
    if (step) document.querySelector(`.acts button[data-key="${step.dataset.presses}"]`)?.click();
  });

  function leave(place) {
    forget(place.querySelector("form[data-one]"));
    place.querySelector("form[data-one]")?.remove();
    for (const child of place.children) child.hidden = false;
    place.querySelector("[data-edits]")?.focus();
  }

  // A click on a phone number or an email address opens the form that logs the call or email.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("#record a:is([href^='tel:'], [href^='mailto:'])");
    const form = link && main().querySelector(`.composer[data-after="${link.protocol}"]:not([open])`);
    if (form && !holdsUnsaved(form.parentElement)) form.open = true;
  });

  // Keeps the input for the next time that it is opened.
  function shut(details) {
    details.open = false;
    details.querySelector("summary").focus();
  }

  const edit = (pen) => ahead(editInPlace(pen));
  async function editInPlace(pen) {
    const from = document.activeElement;
    // If the form is open already, it gets the focus: it may ask one of several questions, or all.
    const there = pen.closest("[data-field]").querySelector("form[data-one]");
    if (there) {
      there.querySelector("input:not([type=hidden]), textarea, select").focus();
      return true;
    }
    const url = new URL(pen.href);
    url.hash = "";
    url.searchParams.set("only", pen.dataset.edits);
    const { page } = await load(url);
    if (writesElsewhere(from)) return false;
    const form = page.querySelector("form[data-one]");
    if (form) inPlace(pen.closest("[data-field]"), form);
    else location.assign(pen.href);
    return Boolean(form);
  }

  async function lengthen(older) {
    const { page } = await load(older.href);
    const part = page.getElementById("timeline");
    const more = [...part.querySelectorAll("ol.timeline > li")];
    for (const entry of more) entry.dataset.loaded = "1";
    older.previousElementSibling.append(...more);
    const next = part.querySelector("a[data-older]");
    if (next) older.replaceWith(document.adoptNode(next));
    else older.remove();
  }

  document.addEventListener("click", (event) => {
    const shuts = event.target.closest("[data-shuts]");
    if (shuts) return shut(shuts.closest("details"));
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    const leaves = event.target.closest("[data-leaves]");
    if (leaves?.closest("[data-field]")) {
      event.preventDefault();
      return leave(leaves.closest("[data-field]"));
    }
    for (const [what, does] of [["a[data-edits]", edit], ["a[data-older]", lengthen]]) {
      const link = event.target.closest(what);
      if (!link || !document.getElementById("record")) continue;
      event.preventDefault();
      return attempt(does(link));
    }
  });

  document.addEventListener("keydown", (event) => {
    const one = event.target.closest?.("form[data-one]");
    if (one && event.key === "Escape") return leave(one.closest("[data-field]"));
    const written = event.key === "Escape" && event.target.closest?.(".composer[open], .todo details[open]");
    if (written) return shut(written);
    const { form } = event.target;
    // The form for the selected records has a button for each action.
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form?.id !== "selection") form?.requestSubmit();
  });

  // -- keys -------------------------------------------------------------------------------------
  // For the key of a state that cannot be reached from here, tells which states can.
  function refuse(key) {
    const { refusedKeys, hint } = document.querySelector("#record [data-refused-keys]")?.dataset || {};
    if (refusedKeys?.includes(key)) window.hly.inform(hint);
  }

  document.addEventListener("keydown", (event) => {
    // A dialog that was just closed may keep the focus until the next frame.
    const busy = event.target.closest?.("input, textarea, select, [contenteditable], dialog[open], .select2-container");
    if (busy || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && document.querySelector("[data-search]")) {
      event.preventDefault();
      return location.assign(`${document.querySelector("[data-search]").href}#search`);
    }
    if (event.key === "e") return; // handled by admin.js
    const wanted = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (!wanted) return refuse(event.key);
    event.preventDefault();
    if (wanted.matches("summary")) wanted.focus();
    wanted.click();
  });
  document.addEventListener("DOMContentLoaded", () => {
    if (location.hash === "#search") document.querySelector(".hly form.facets input[type=search]")?.focus();
  });
})();
