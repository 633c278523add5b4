// Django's searchable choices with labels, requests that survive a lost session, keys typed ahead, and creation of
// missing records.
(() => {
  const $ = window.django?.jQuery;
  const make = $?.fn.djangoAdminSelect2;
  if (!make) return;
  const labelled = (select) =>
    select.getAttribute("aria-label") || select.labels[0]?.firstChild.textContent.trim() || "";
  const shown = (select) => select.nextElementSibling?.querySelector(".select2-selection");

  // When jQuery first measures a width, it tests the browser with elements beside the body, which restyles all that
  // is on the page. While the page is still being parsed this costs nothing.
  $("<i>").width(1).width();

  // The plugin for the mouse wheel measures heights of lines and pages, which lays the page out again for each
  // choice.
  const wheel = $.event.special.mousewheel;
  if (wheel) Object.assign(wheel, { getLineHeight: () => 16, getPageHeight: () => 200 });

  $.fn.djangoAdminSelect2 = function () {
    const fresh = this.filter((_, each) => !$(each).data("select2"));
    // Each is as wide as the select that it replaces: all are measured before the first is created, for the same
    // reason.
    const measured = fresh.toArray().filter((each) => !each.style.width && !each.dataset.width);
    const widths = measured.map((each) => (each.offsetWidth > 0 ? `${each.offsetWidth}px` : "auto"));
    measured.forEach((each, index) => each.setAttribute("data-width", widths[index]));
    // This script waits for a pause itself: from the first key on, the results shown are outdated.
    fresh.each((_, each) => each.removeAttribute("data-ajax--delay"));
    make.call(fresh);
    for (const each of measured) each.removeAttribute("data-width");
    fresh.each(function () {
      const place = shown(this);
      const value = place?.querySelector(".select2-selection__rendered");
      if (!value) return;
      // It only shows the value, and is no input.
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

  // After Tab, typing starts a search at once, as in any other input. The search input gets the focus a little later
  // than the list opens.
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

  // -- searching -----------------------------------------------------------------------------------------

  const QUIET = 150; // ms without a key before the text is searched
  const SELDOM = 4000; // ms between two attempts, at most
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  let opened = null; // the select whose list is open, or was last
  let asking = null; // the current search; ``found`` resolves to its results once they are shown, or null

  // Repeats a request until it is answered or aborted. Somebody who is signed out signs in over the page.
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
    // Further pages of results do not change the selection.
    if (!(data.page > 1)) asking = { turn, found };
    return { abort: () => turn.abort() };
  });
  $(document).on("select2:close", () => {
    if (!asking?.entered) asking?.turn.abort();
    asking = null;
  });

  // Enter right after typing means the new text, not the results that are still shown. Later keys are meant for what
  // follows the choice, and a form is not sent before its choices are made.
  const waiting = new Map();
  function wait(select, text, chosen) {
    const { form } = select;
    const mine = { select, text, chosen };
    waiting.set(form, mine);
    chosen.finally(() => waiting.get(form) === mine && waiting.delete(form));
    return chosen;
  }
  let entering = null; // the key with which the highlighted option is taken
  function enter(select, field, key) {
    const before = waiting.get(select.form);
    entering = key;
    $(field).trigger($.Event("keydown", { key: "Enter", which: 13 }));
    entering = null;
    const after = waiting.get(select.form);
    return after && after !== before ? after.chosen : !$(select).select2("isOpen");
  }
  // Tab chooses as well, and goes on; only Enter creates a missing record.
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    const text = typed()?.value || "";
    if (key !== "Enter" && !(key === "Tab" && text && !event.shiftKey)) return;
    if (event.isComposing || !target.matches(".select2-search__field, .select2-selection")) return;
    if (!asking && key === "Enter") return; // handled by the list
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
  // The list was closed meanwhile because the user went on elsewhere.
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

  // A list may overhang its dialog, unless the dialog scrolls.
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
  // "No results found" is inserted into the list of options, where only options are allowed: it becomes a disabled
  // one.
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) {
        if (!node.matches?.(".select2-results__option[role=alert]")) continue;
        node.setAttribute("role", "option");
        node.setAttribute("aria-disabled", "true");
      }
    }
  }).observe(document.documentElement, { childList: true, subtree: true });

  // -- creating missing records, and values that a choice brings along ----------------------------------
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
