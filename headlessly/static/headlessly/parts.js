// What the server answers takes the place of what stands there, part by part: what is being typed, what is open
// and where one is stay as they are. Without this file every link and form leads to a page that does the same.
(() => {
  const { send, write, parse, dirty, words, Unsent } = window.hly;
  const main = () => document.getElementById("hly");

  // As send, of what stands within the frame alone; what ``form`` asks for waits for its turn.
  async function load(url, options = {}, form = null) {
    const asks = { ...options, headers: { "X-Region": "1", ...options.headers } };
    const answer = await (form ? write(form, url, asks) : send(url, asks));
    return { answer, page: parse(await answer.text()) };
  }

  // -- one page in the place of another -----------------------------------------------------------

  // A form that is not saved yet; ``saved`` is the one that was just sent.
  const unsaved = (form, saved) =>
    form !== saved && form.matches("form[method=post]") && !form.matches("#selection") &&
    (form.dataset.one || form.matches(".celled") || form.closest(".composer[open], .todo details[open]") || dirty(form));
  const holdsUnsaved = (node, saved) =>
    node.nodeType === 1 && [...(node.matches("form") ? [node] : []), ...node.querySelectorAll("form")].some((form) => unsaved(form, saved));

  // Searchable choices are made anew: what stands around them is the library's, not the page's.
  function unmakeChoices(place, saved) {
    if (!window.django?.jQuery) return;
    for (const select of place.querySelectorAll(".select2-hidden-accessible")) {
      if (!unsaved(select.form || select, saved)) django.jQuery(select).select2("destroy");
    }
  }

  function makeChoices(place) {
    if (!window.django?.jQuery?.fn.djangoAdminSelect2) return;
    django.jQuery(place).find("select.admin-autocomplete:not(.select2-hidden-accessible)").each(function () {
      const parent = this.closest("dialog");
      django.jQuery(this).djangoAdminSelect2(parent ? { dropdownParent: django.jQuery(parent) } : {});
    });
  }

  // Rows and cards are known by their records, wherever they stand, and groups by what they have in common.
  const name = (place) => {
    for (const each of place.querySelectorAll("[data-group]")) each.id = `of-${each.querySelector("a").getAttribute("href")}`;
    for (const each of place.querySelectorAll("tr[data-row], [data-card]")) each.id = `of-${each.dataset.row || each.dataset.card}`;
  };

  function morph(old, fresh, { saved, quiet, typing }) {
    name(old);
    name(fresh);
    Idiomorph.morph(old, fresh, {
      ignoreActiveValue: typing,
      callbacks: {
        beforeNodeMorphed(here, now) {
          if (here.nodeType !== 1) return true;
          // One that was opened while what others did was on its way.
          if (quiet && here.matches("dialog[open]")) return false;
          if (here.matches("form") && unsaved(here, saved)) {
            // What it is about is the list as it is now.
            for (const name of ["query"]) if (now.elements?.[name] && here.elements[name]) here.elements[name].value = now.elements[name].value;
            return false;
          }
          if (here.matches("tr") && here.querySelector(".celled")) return false;
          // What was opened stays open, but for what was just sent.
          if (here.matches("details") && !(saved && here.contains(saved))) now.open ||= here.open;
          return true;
        },
        // A dialog stays open; what others did unselects nothing.
        beforeAttributeUpdated: (name, here) =>
          !((name === "open" && here.matches("dialog")) || (quiet && name === "checked" && here.name === "ids")),
        beforeNodeRemoved: (node) => !holdsUnsaved(node, saved) && !node.dataset?.loaded,
      },
    });
    // A field that is being changed may stand elsewhere now.
    for (const form of old.querySelectorAll("form[data-one]")) {
      const here = form.closest("[data-field]");
      const places = [...old.querySelectorAll(`[data-field="${CSS.escape(form.dataset.one)}"]`)];
      const other = places.find((place) => place !== here);
      if (here && other) {
        other.append(form);
        here.remove();
      }
      for (const child of form.parentElement.children) child.hidden = child !== form;
    }
  }

  // -- where one is -------------------------------------------------------------------------------

  // What has the focus, said so that it is found again where the page was made anew.
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

  // The page of another address in the place of this one; ``saved`` is the form that it answers.
  function show(page, { saved, quiet, typing = quiet } = {}) {
    const fresh = page.getElementById("hly");
    const mark = marked();
    // What scripts add to a page they add to this one first: equal to what stands there it is left alone.
    document.dispatchEvent(new CustomEvent("fresh", { detail: fresh }));
    unmakeChoices(main(), saved);
    morph(main(), fresh, { saved, quiet, typing: Boolean(typing) });
    makeChoices(main());
    const [old, now] = [document.querySelector("#main > header > nav"), page.querySelector("#main > header > nav")];
    if (old && now) old.replaceChildren(...now.childNodes);
    document.title = page.title;
    const toasts = page.getElementById("toasts");
    if (!quiet || toasts?.childElementCount) document.getElementById("toasts")?.replaceChildren(...(toasts ? toasts.children : []));
    place();
    document.dispatchEvent(new Event("parts"));
    refocus(mark);
  }

  // The menu says where one is.
  function place() {
    const links = [...document.querySelectorAll(".frame-places a")];
    const below = links.filter((link) => `${location.pathname}/`.startsWith(new URL(link.href).pathname)).sort((a, b) => b.pathname.length - a.pathname.length)[0];
    for (const link of links) {
      if (link === below) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  // -- going on within a page that lists things ---------------------------------------------------

  let asked = 0;
  // The addresses of this page: a list and its board are one.
  const within = new Set([location.pathname]);

  // What runs is seen at once; what is there at once shows nothing.
  function running(yes) {
    main()?.toggleAttribute("data-running", yes);
    main()?.setAttribute("aria-busy", yes);
  }

  async function visit(url, { push = true, quiet = false } = {}) {
    const mine = (asked += 1);
    const before = new URL(location.href);
    const [at, value] = [document.activeElement, document.activeElement?.value];
    if (!quiet) running(true);
    let got;
    try {
      got = await load(url);
    } catch (problem) {
      if (!(problem instanceof Unsent)) throw problem;
      if (!quiet && mine === asked) warn(problem.message, () => visit(url, { push }));
      return;
    } finally {
      if (mine === asked) running(false);
    }
    if (mine !== asked) return;
    const { answer, page } = got;
    if (!page.getElementById("hly")?.matches("[data-visits]")) {
      if (!quiet) location.assign(url);
      return;
    }
    const to = new URL(answer.url);
    if (push) history.pushState(null, "", to.pathname + to.search);
    else if (to.search !== before.search && answer.redirected) history.replaceState(null, "", to.pathname + to.search);
    within.add(to.pathname);
    // What was typed since it was asked for is not undone.
    show(page, { quiet, typing: quiet || (at === document.activeElement && at?.value !== value) });
    // A page further on begins at its top.
    if (to.pathname !== before.pathname) window.scrollTo(0, 0);
    else if (push && to.searchParams.get("p") !== before.searchParams.get("p")) main().querySelector(".sheet")?.scrollIntoView({ block: "nearest" });
  }

  // What was chosen in a menu closes it.
  const choose = (element) => element.closest("details.menu")?.removeAttribute("open");

  const same = (url) => url.origin === location.origin && url.pathname === location.pathname;

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest("#hly[data-visits] a[href]");
    if (!link || link.target || link.hasAttribute("download") || link.hash) return;
    // To the board of a list, or back; what is not saved is asked about first, as on the way to any other page.
    const switches = link.closest(".switch") && link.origin === location.origin && !holdsUnsaved(main());
    if (!switches && (!link.search || !same(link))) return;
    event.preventDefault();
    choose(link);
    visit(link.href);
  });

  // What narrows: only what is said has a place in the address.
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
    // Nothing is left: all records, and not the view that one starts with.
    visit(url.search ? url.href : `${url.pathname}?view=all`);
  });

  // What is taken back of a list or a board shows where it stands, and what stays is told in its place.
  document.addEventListener("submit", async (event) => {
    const { target: form } = event;
    if (event.defaultPrevented || !form.matches("form[data-undo]") || !main()?.matches("[data-visits]")) return;
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

  window.addEventListener("popstate", () => {
    if (within.has(location.pathname) && main()?.matches("[data-visits]")) return visit(location.href, { push: false });
    location.reload();
  });

  // -- what went wrong ----------------------------------------------------------------------------

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

  Object.assign(window.hly, { load, show, visit, warn, makeChoices, holdsUnsaved });
})();
