// Searchable choices as Django makes them: here they get their label, are asked for as everything is, take what is typed
// ahead, and make what is not there.
(() => {
  const $ = window.django?.jQuery;
  const make = $?.fn.djangoAdminSelect2;
  if (!make) return;
  const labelled = (select) =>
    select.getAttribute("aria-label") || select.labels[0]?.firstChild.textContent.trim() || "";
  const shown = (select) => select.nextElementSibling?.querySelector(".select2-selection");

  // When it is first asked for a width, jQuery tries out how the browser measures, by elements beside the body: each has all
  // that there is by then styled anew. In the head that is nothing yet.
  $("<i>").width(1).width();

  // What a wheel turns by where it turns by lines or pages: to measure it lays the page out anew for each choice.
  const wheel = $.event.special.mousewheel;
  if (wheel) Object.assign(wheel, { getLineHeight: () => 16, getPageHeight: () => 200 });

  $.fn.djangoAdminSelect2 = function () {
    const fresh = this.filter((_, each) => !$(each).data("select2"));
    // As wide as what it takes the place of: all are measured before the first is made, for the same reason.
    const measured = fresh.toArray().filter((each) => !each.style.width && !each.dataset.width);
    const widths = measured.map((each) => (each.offsetWidth > 0 ? `${each.offsetWidth}px` : "auto"));
    measured.forEach((each, index) => each.setAttribute("data-width", widths[index]));
    // The wait for quiet is ours: from the first key on, what is shown is not what one looks for.
    fresh.each((_, each) => each.removeAttribute("data-ajax--delay"));
    make.call(fresh);
    for (const each of measured) each.removeAttribute("data-width");
    fresh.each(function () {
      const place = shown(this);
      const value = place?.querySelector(".select2-selection__rendered");
      if (!value) return;
      // Not an input of its own, only what the choice shows.
      value.removeAttribute("role");
      value.removeAttribute("aria-readonly");
      const tell = () => {
        const chosen = [...this.selectedOptions].filter((each) => each.value).map((each) => each.text).join(", ");
        place.removeAttribute("aria-labelledby");
        place.querySelector(".select2-search__field")?.setAttribute("aria-label", labelled(this));
        place.setAttribute("aria-label", [labelled(this), chosen].filter(Boolean).join(": "));
        for (const name of ["aria-describedby", "aria-invalid", "aria-required"]) {
          if (this.hasAttribute(name)) place.setAttribute(name, this.getAttribute(name));
        }
      };
      tell();
      $(this).on("change", tell);
    });
    return this;
  };

  // Whoever came by Tab types at once, as into any other field; and its search has the focus some moments after it is opened.
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (!target.matches?.(".select2-selection--single:not([aria-disabled=true])") || key.length > 1 || key === " ") return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    event.preventDefault();
    lookFor(target.closest(".select2-container").previousElementSibling, (typed()?.value || "") + key);
  });
  const typed = () => document.querySelector(".select2-container--open .select2-search__field");
  function lookFor(select, text) {
    $(select).select2("open");
    $(typed()).val(text).trigger("input").trigger("focus");
  }

  // -- what is looked for ------------------------------------------------------------------------------

  const QUIET = 150; // ms without a key before what was typed is asked for
  const SELDOM = 4000; // ms between two tries, at last
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  let opened = null; // the choice whose list is open, or was last
  let asking = null; // what is looked for now: ``found`` is its answer once that is shown, or null

  // Asked until there is an answer, or nobody waits for one any more; whoever is signed out signs in over the page.
  async function find(address, { signal }, tell) {
    for (let wait = 250; !signal.aborted; wait = Math.min(2 * wait, SELDOM)) {
      try {
        const answer = await window.hly.send(address, { signal });
        if (answer.ok) return await answer.json();
        if (answer.status < 500) return void tell();
      } catch (problem) {
        if (signal.aborted) return;
        if (!(problem instanceof window.hly.Unsent)) throw problem;
        if (problem instanceof window.hly.SignedOut) return void tell();
      }
      tell();
      await pause(wait);
    }
  }
  $.fn.select2.defaults.set("ajax--transport", ({ url, data }, show, tell) => {
    const turn = new AbortController();
    const ask = () => find(`${url}?${$.param(data)}`, turn, () => turn.signal.aborted || tell());
    const found = pause(data.term ? QUIET : 0).then(ask).then((answer) => {
      if (asking?.turn === turn) asking = null;
      if (!answer || turn.signal.aborted) return null;
      show(answer);
      return answer;
    });
    // More of what is shown changes nothing of what is chosen.
    if (!(data.page > 1)) asking = { turn, found };
    return { abort: () => turn.abort() };
  });
  $(document).on("select2:close", () => {
    if (!asking?.entered) asking?.turn.abort();
    asking = null;
  });

  // Who types and presses Enter at once means what they typed, not what was found before it. What they press after that is
  // meant for what comes after the choice, and a form is not sent before its choices are there.
  const waiting = new Map();
  function wait(select, text, chosen) {
    const { form } = select;
    const mine = { select, text, chosen };
    waiting.set(form, mine);
    chosen.finally(() => waiting.get(form) === mine && waiting.delete(form));
    return chosen;
  }
  let entering = null; // the key by which the list is told to take what is highlighted
  function enter(select, field, key) {
    const before = waiting.get(select.form);
    entering = key;
    $(field).trigger($.Event("keydown", { key: "Enter", which: 13 }));
    entering = null;
    const after = waiting.get(select.form);
    return after && after !== before ? after.chosen : !$(select).select2("isOpen");
  }
  // Tab takes what is typed as well, and goes on; what is not there yet is made by Enter alone.
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    const text = typed()?.value || "";
    if (key !== "Enter" && !(key === "Tab" && text && !event.shiftKey)) return;
    if (event.isComposing || !target.matches(".select2-search__field, .select2-selection")) return;
    if (!asking && key === "Enter") return; // the list's own
    event.stopImmediatePropagation();
    const select = opened;
    if (!asking) return enter(select, target, key) || event.preventDefault();
    event.preventDefault();
    if (asking.entered) return;
    asking.entered = true;
    const taken = asking.found.then(async (answer) => {
      if (!answer) return false;
      if (!$(select).select2("isOpen")) return choose(select, answer.results, key);
      const came = await enter(select, target, key);
      if (came && key === "Tab") window.hly.press(key);
      return came;
    });
    window.hly.ahead(wait(select, text, taken), null);
  }, true);
  // Its list was shut meanwhile, by whoever went on elsewhere.
  function choose(select, results, key) {
    const first = results.find(({ id }) => id === select.value) || results[0];
    if (!first || !select.isConnected || (first.create && key === "Tab")) return false;
    if (first.create) return makeChoice(select, first);
    take(select, first);
    $(select).trigger($.Event("select2:select", { params: { data: first } }));
    return true;
  }
  window.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    const wanted = waiting.get(form);
    if (!wanted) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    wanted.chosen.then((came) => (came ? form.requestSubmit(submitter) : lookFor(wanted.select, wanted.text)));
  }, true);

  // What opens in a dialog may stand out of it, unless the dialog is one that scrolls.
  $(document).on("select2:opening", ({ target }) => {
    const dialog = target.closest("dialog");
    if (dialog && dialog.scrollHeight <= dialog.clientHeight) dialog.classList.add("lets-out");
  });
  $(document).on("select2:close", ({ target }) => target.closest("dialog")?.classList.remove("lets-out"));
  $(document).on("select2:open", ({ target }) => {
    const place = shown((opened = target));
    place?.setAttribute("aria-controls", place.getAttribute("aria-owns"));
    for (const part of [".select2-search__field", ".select2-results__options"]) {
      document.querySelector(`.select2-container--open ${part}`)?.setAttribute("aria-label", labelled(target));
    }
  });
  // "No results found" is put into the list of options, where only options may be: it becomes one that cannot be taken.
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) {
        if (!node.matches?.(".select2-results__option[role=alert]")) continue;
        node.setAttribute("role", "option");
        node.setAttribute("aria-disabled", "true");
      }
    }
  }).observe(document.documentElement, { childList: true, subtree: true });

  // -- what is not there is made, and what is chosen brings along what the form asks for too ----------
  function take(select, data) {
    if (!data) return;
    const option = [...select.options].find((each) => each.value === data.id) || select.appendChild(new Option(data.text, data.id));
    option.selected = true;
    $(select).trigger("change");
    bring(select, data.brings);
    select.dispatchEvent(new Event("input", { bubbles: true }));
  }
  function bring(select, brings) {
    for (const [name, other] of Object.entries(brings || {})) {
      const beside = select.form?.elements[select.name.replace(/[^-]*$/, name)];
      if (beside?.matches?.(".admin-autocomplete") && !beside.value) take(beside, other);
    }
  }
  $(document).on("select2:select", ({ target, params }) => bring(target, params.data.brings));
  $(document).on("select2:selecting", (event) => {
    const { target, params } = event;
    const wanted = params.args.data;
    if (!wanted.create) return;
    event.preventDefault();
    if (entering === "Tab") return;
    $(target).select2("close");
    const made = wait(target, Object.values(wanted.sends)[0], makeChoice(target, wanted));
    if (!entering) window.hly.ahead(made, null);
  });
  async function makeChoice(select, wanted) {
    let made = null;
    try {
      take(select, (made = await window.hly.choose(select, wanted)));
    } catch (problem) {
      if (!(problem instanceof window.hly.Unsent)) throw problem;
      window.hly.warn(problem.message);
    }
    const place = shown(select);
    if (!window.hly.writesElsewhere(place)) place?.focus();
    return made !== null;
  }
  $(document).on("select2:close", ({ target }) => shown(target)?.removeAttribute("aria-controls"));
})();
