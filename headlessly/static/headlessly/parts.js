// Updates the page with responses of the server, part by part: input, open sections and the scroll position are kept.
// Without this script every link and form leads to a page that does the same.
(() => {
  const { ahead, send, write, written, parse, dirty, losesTyped, words, Unsent } = window.hly;
  const main = () => document.getElementById("hly");

  // Like send, but only for the part of the page within the frame. The request of a ``form`` waits for its turn.
  async function load(url, options = {}, form = null) {
    const asks = { ...options, headers: { "X-Region": "1", ...options.headers } };
    const answer = await (form ? write(form, url, asks) : send(url, asks));
    return { answer, page: parse(await answer.text()) };
  }

  // -- replacing the page ---------------------------------------------------------------------------

  // Whether a form has unsaved input; ``saved`` is the form that was just sent.
  const unsaved = (form, saved) =>
    form !== saved && form.matches("form[method=post]") && !form.matches("#selection") &&
    (form.dataset.one || form.matches(".celled") || form.closest(".composer[open], .todo details[open]") || dirty(form));
  const holdsUnsaved = (node, saved) =>
    node.nodeType === 1 && [...(node.matches("form") ? [node] : []), ...node.querySelectorAll("form")].some((form) => unsaved(form, saved));

  // Searchable choices are destroyed and created again: their elements are Select2's, not the page's.
  function unmakeChoices(place, saved) {
    if (!window.django?.jQuery) return;
    for (const select of place.querySelectorAll(".select2-hidden-accessible")) {
      if (!unsaved(select.form || select, saved)) django.jQuery(select).select2("destroy");
    }
  }

  function makeChoices(place) {
    if (!window.django?.jQuery?.fn.djangoAdminSelect2) return;
    django.jQuery(place).find("select.admin-autocomplete:not(.select2-hidden-accessible)").djangoAdminSelect2();
  }

  // Identifies rows and cards by their records, wherever they are, and groups by their links.
  const name = (place) => {
    for (const each of place.querySelectorAll("[data-group]")) each.id = `of-${each.querySelector("a").getAttribute("href")}`;
    for (const each of place.querySelectorAll("tr[data-row], [data-card]")) each.id = `of-${each.dataset.row || each.dataset.card}`;
  };

  function morph(old, fresh, { saved, quiet, typing }) {
    name(old);
    name(fresh);
    Idiomorph.morph(old, fresh, {
      // A link or a summary with the focus has no input to keep.
      ignoreActiveValue: typing && Boolean(document.activeElement?.matches("input, textarea, select, [contenteditable]")),
      callbacks: {
        beforeNodeMorphed(here, now) {
          if (here.nodeType !== 1) return true;
          // A dialog that was opened while the changes by others were loading.
          if (quiet && here.matches("dialog[open]")) return false;
          if (here.matches("form") && unsaved(here, saved)) {
            // Its query is that of the new list.
            for (const name of ["query"]) if (now.elements?.[name] && here.elements[name]) here.elements[name].value = now.elements[name].value;
            return false;
          }
          if (here.matches("tr") && here.querySelector(".celled")) return false;
          // Sections stay open, except for the one with the form that was sent.
          if (here.matches("details") && !(saved && here.contains(saved))) now.open ||= here.open;
          return true;
        },
        // Dialogs stay open; changes by others do not deselect anything.
        beforeAttributeUpdated: (name, here) =>
          !((name === "open" && here.matches("dialog")) || (quiet && name === "checked" && here.name === "ids")),
        beforeNodeRemoved: (node) => !holdsUnsaved(node, saved) && !node.dataset?.loaded,
      },
    });
    // A field that is being edited may be in another place now.
    for (const form of old.querySelectorAll("form[data-one]")) {
      const here = form.closest("[data-field]");
      const places = [...old.querySelectorAll(`[data-field="${CSS.escape(form.dataset.one)}"]`)];
      const other = places.find((place) => place !== here);
      if (here && other) {
        other.append(form);
        here.remove();
      }
      for (const child of form.parentElement.children) child.hidden = child !== form && !child.matches("header");
    }
  }

  // -- the focus ------------------------------------------------------------------------------------

  // Describes the focused element so that it can be found in the new page.
  function marked() {
    const { activeElement: at } = document;
    if (!at || at === document.body) return null;
    const choice = at.closest(".select2-container")?.previousElementSibling;
    const form = at.closest("form");
    const near = [...document.querySelectorAll("#hly :is(section, header.head, nav, .bar, form.facets)")].filter((each) => each.contains(at)).pop();
    return { at, choice: choice?.name, switches: Boolean(at.closest(".switch")), id: at.id, key: at.dataset.key, href: at.getAttribute("href"),
      summary: at.closest("details.composer")?.querySelector("summary"), action: form?.getAttribute("action"),
      near: near && (near.id ? `#${near.id}` : near.getAttribute("aria-label") ? `[aria-label="${CSS.escape(near.getAttribute("aria-label"))}"]` : near.matches("header.head") ? "header.head" : "") };
  }

  function refocus(mark) {
    const here = document.activeElement;
    if (!mark || (here && here !== document.body && here.checkVisibility())) return;
    const within = (selector) => selector && main().querySelector(selector);
    const choices = [
      mark.choice && within(`select[name="${CSS.escape(mark.choice)}"] + .select2-container .select2-selection`),
      mark.switches && within(".switch [aria-current]"),
      mark.at.isConnected && mark.at,
      mark.id && document.getElementById(mark.id),
      mark.key && within(`[data-key="${CSS.escape(mark.key)}"]`),
      mark.summary?.isConnected && mark.summary,
      mark.action && within(`form[action="${CSS.escape(mark.action)}"] button`),
      mark.href && within(`a[href="${CSS.escape(mark.href)}"]`),
      mark.near && within(`${mark.near} :is(a[href], button, summary, input:not([type=hidden]))`),
      within(":is(.acts .strong, .acts a, .acts button)"),
      document.getElementById("content"),
    ];
    choices.find((each) => each && each.checkVisibility())?.focus({ preventScroll: true });
  }

  // -- showing ------------------------------------------------------------------------------------

  // Replaces this page by the loaded one; ``saved`` is the form that it answers.
  function show(page, { saved, quiet, typing = quiet } = {}) {
    const fresh = page.getElementById("hly");
    const mark = marked();
    const from = document.getElementById("record")?.dataset.record;
    const moved = location.pathname !== shown.pathname;
    // An answer that arrives later is older than this one, and must not replace it.
    if (!quiet && asked === unasked) asked += 1;
    if (moved) leave();
    // Scripts add their parts to the new page first: where it equals the old one, nothing is changed.
    document.dispatchEvent(new CustomEvent("fresh", { detail: fresh }));
    unmakeChoices(main(), saved);
    morph(main(), fresh, { saved, quiet, typing: Boolean(typing) });
    makeChoices(main());
    const [old, now] = [document.querySelector("#main > header > nav"), page.querySelector("#main > header > nav")];
    if (old && now) {
      old.className = now.className;
      old.replaceChildren(...now.childNodes);
    }
    document.title = page.title;
    const toasts = page.getElementById("toasts");
    if (!quiet || toasts?.childElementCount) document.getElementById("toasts")?.replaceChildren(...(toasts ? toasts.children : []));
    place();
    shown = new URL(location.href);
    document.dispatchEvent(new Event("parts"));
    if (moved) arrive(mark, from);
    else refocus(mark);
  }

  // The address of the shown page: Back and Forward change the browser's before the page is loaded.
  let shown = new URL(location.href);

  // Nothing of this page is kept in another one.
  function leave() {
    document.dispatchEvent(new CustomEvent("leave", { detail: { from: shown.href, back: !settled } }));
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    main().replaceChildren();
  }

  // On another page the focus goes to the control that was pressed, to the record that one comes from, or to the
  // start.
  function arrive(mark, from) {
    const within = (selector) => selector && main().querySelector(selector);
    const choices = [
      mark?.switches && within(".switch [aria-current]"),
      mark?.key && within(`.steps [data-key="${CSS.escape(mark.key)}"]`),
      from && within(`:is([id="of-${CSS.escape(from)}"], [data-entry$=".${CSS.escape(from)}"]) :is(.name a, a.name)`),
      document.getElementById("content"),
    ];
    choices.find((each) => each && each.checkVisibility())?.focus({ preventScroll: true });
  }

  // Marks the current page in the menu.
  function place() {
    const links = [...document.querySelectorAll(".frame-places a")];
    const below = links.filter((link) => `${location.pathname}/`.startsWith(new URL(link.href).pathname)).sort((a, b) => b.pathname.length - a.pathname.length)[0];
    for (const link of links) {
      if (link === below) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  // -- navigation between lists, boards and records -------------------------------------------------

  let asked = 0;
  let unasked = 0; // the last quiet one
  // Numbers the entries of this tab's history, to restore the scroll position of each, and to go back.
  let step = history.state?.step ?? 0;
  const heights = new Map();
  let settled = true;
  window.addEventListener("scroll", () => settled && heights.set(step, window.scrollY), { passive: true });

  function push(url) {
    step += 1;
    heights.delete(step);
    history.pushState({ step }, "", url);
  }

  // Marks the page as loading; a fast response shows nothing.
  function running(yes) {
    main()?.toggleAttribute("data-running", yes);
    main()?.setAttribute("aria-busy", yes);
  }

  // Loads and shows a page. Resolves to false if it failed, or another request replaced it. ``quiet`` is for updates
  // that nobody asked for: they are dropped if something was written meanwhile, or while ``busy``.
  const visit = (url, { pushes = true, quiet = false, busy = () => false } = {}) => {
    const asked = bring(url, pushes, quiet, busy);
    return quiet ? asked : ahead(asked);
  };
  async function bring(url, pushes, quiet, busy) {
    const mine = (asked += 1);
    const since = written();
    const before = shown;
    if (quiet) unasked = mine;
    else document.dispatchEvent(new Event("visit"));
    const [at, value] = [document.activeElement, document.activeElement?.value];
    if (!quiet) running(true);
    let got;
    try {
      got = await load(url);
    } catch (problem) {
      settled = true;
      if (!(problem instanceof Unsent)) throw problem;
      if (!quiet && mine === asked) warn(problem.message, () => visit(url, { pushes }));
      return false;
    } finally {
      if (mine === asked) running(false);
    }
    if (mine !== asked || (quiet && (written() !== since || busy()))) return false;
    const { answer, page } = got;
    if (!page.getElementById("hly")?.matches("[data-visits]")) {
      if (!quiet) location.assign(url);
      return true;
    }
    const to = new URL(answer.url);
    if (pushes) push(to.pathname + to.search);
    else if (to.href !== location.href && answer.redirected) history.replaceState(history.state, "", to.pathname + to.search);
    // Keeps input that was typed since the request.
    show(page, { quiet, typing: quiet || (at === document.activeElement && at?.value !== value) });
    // A new page starts at its top; Back restores the scroll position.
    settled = true;
    if (!pushes && !quiet) window.scrollTo(0, heights.get(step) ?? 0);
    else if (to.pathname !== before.pathname) window.scrollTo(0, 0);
    else if (pushes && to.searchParams.get("p") !== before.searchParams.get("p")) main().querySelector(".sheet")?.scrollIntoView({ block: "nearest" });
    return true;
  }

  // Choosing in a menu closes it.
  const choose = (element) => element.closest("details.menu")?.removeAttribute("open");

  const same = (url) => url.origin === location.origin && url.pathname === location.pathname;

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest("a[href]");
    if (!main()?.matches("[data-visits]") || !link?.closest("#hly, #peek, #main > header nav")) return;
    if (link.target || link.hasAttribute("download") || link.hash || link.dataset.older !== undefined) return;
    const stays = link.search && same(link) && main().contains(link);
    // With unsaved input the browser asks first, as before any other page.
    if (!stays && (!swaps(link) || losesTyped() || main().querySelector(".celled"))) return;
    event.preventDefault();
    choose(link);
    visit(link.href);
  });

  // Whether a link leads to a record, from a record to its list, or from a list to its board or calendar and back.
  const RECORD = /\/[^/]+_[^/]+\/change\/$/;
  const swaps = (link) =>
    link.origin === location.origin &&
    (RECORD.test(link.pathname) || link.closest(".switch, [data-swaps]") || link.pathname === location.pathname.replace(RECORD, "/"));

  // The address for a form of filters, without empty ones.
  function addressOf(form) {
    const url = new URL(form.getAttribute("action") || location.pathname, location.href);
    const said = [...new FormData(form)].filter(([, value]) => value !== "");
    const amounts = [...form.elements].some((input) => input.inputMode === "decimal" && input.value);
    url.search = new URLSearchParams(said.filter(([name]) => name !== "typed" || amounts)).toString();
    return url;
  }

  document.addEventListener("submit", (event) => {
    const { target: form } = event;
    if (event.defaultPrevented || form.method !== "get" || !form.closest("#hly[data-visits]") || form.matches("[data-opens-dialog]")) return;
    const url = addressOf(form);
    if (!same(url)) return;
    event.preventDefault();
    choose(event.submitter || form);
    // Without filters all records are shown, and not the user's first view.
    visit(url.search ? url.href : `${url.pathname}?view=all`);
  });

  // Undoing on a list or a board updates it, and shows conflicts there.
  document.addEventListener("submit", async (event) => {
    const { target: form } = event;
    if (event.defaultPrevented || !form.matches("form[data-undo]") || !main()?.matches("[data-visits]") || document.getElementById("record")) return;
    event.preventDefault();
    running(true);
    try {
      const { page } = await load(form.action, { method: "POST", body: new FormData(form) }, form);
      form.closest("dialog")?.close();
      asked += 1;
      show(page);
      window.hly.fade();
    } catch (problem) {
      delete form.dataset.sent;
      if (!(problem instanceof Unsent)) throw problem;
      warn(problem.message, () => form.requestSubmit());
    } finally {
      running(false);
    }
  });

  window.addEventListener("popstate", (event) => {
    const to = event.state?.step ?? 0;
    // An anchor on the page, or the way back after the user chose to stay.
    if (location.pathname + location.search === shown.pathname + shown.search) return void (step = to);
    if (!main()?.matches("[data-visits]")) return location.reload();
    if (location.pathname !== shown.pathname && losesTyped() && !confirm(words().leave)) return history.go(step - to || 1);
    step = to;
    settled = false;
    visit(location.href, { pushes: false });
  });

  // -- messages -------------------------------------------------------------------------------------

  function warn(text, again) {
    const toast = document.createElement("div");
    toast.className = "toast bad";
    toast.setAttribute("role", "alert");
    const close = document.createElement("button");
    Object.assign(close, { type: "button", className: "btn plain", textContent: "×" });
    close.dataset.dismisses = "";
    close.setAttribute("aria-label", words().dismiss);
    toast.append(text);
    if (again) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "btn plain", textContent: words().again });
      button.addEventListener("click", () => (toast.remove(), again()));
      toast.append(button);
    }
    toast.append(close);
    document.getElementById("toasts")?.replaceChildren(toast);
  }

  // The user left before the answer: tells its result on the current page; refused input becomes a draft again.
  function tellElsewhere(page, done) {
    const toasts = page.getElementById("toasts");
    if (!done) warn(page.querySelector(".wrong, [role=alert]")?.textContent.trim() || page.title);
    else if (toasts) document.getElementById("toasts").replaceChildren(...toasts.children);
    window.hly.fade();
  }

  // Shows a message about something that happened elsewhere.
  function inform(text) {
    const toast = Object.assign(document.createElement("div"), { className: "toast", textContent: text });
    document.getElementById("toasts")?.replaceChildren(toast);
    window.hly.fade();
  }

  Object.assign(window.hly, { tellElsewhere, inform, load, show, visit, push, warn, makeChoices, holdsUnsaved });
})();
