// Searchable choices as Django makes them say to nobody what they are about: here they get their label.
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
    $(target.closest(".select2-container").previousElementSibling).select2("open");
    const search = $(".select2-container--open .select2-search__field");
    search.val(search.val() + key).trigger("input").trigger("focus");
  });

  // -- what is looked for ------------------------------------------------------------------------------

  const QUIET = 150; // ms without a key before what was typed is asked for
  const SELDOM = 4000; // ms between two tries, at last
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  let asking = null; // what is looked for now: ``found`` once its answer is shown, false where none came

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
      if (!answer || turn.signal.aborted) return false;
      show(answer);
      if (asking?.turn === turn) asking = null;
      return true;
    });
    // More of what is shown changes nothing of what is chosen.
    if (!(data.page > 1)) asking = { turn, found };
    return { abort: () => turn.abort() };
  });
  $(document).on("select2:close", () => {
    asking?.turn.abort();
    asking = null;
  });
  // Who types and presses Enter at once means what they typed, not what was found before it; and what they press after
  // that is meant for what comes after the choice.
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (!asking || key !== "Enter" || event.isComposing || !target.matches(".select2-search__field, .select2-selection")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (asking.taken) return;
    asking.taken = true;
    const taken = asking.found.then((came) => {
      if (came) $(target).trigger($.Event("keydown", { key, which: 13 }));
      return came && !document.querySelector(".select2-container--open");
    });
    window.hly.ahead(taken, null);
  }, true);

  // What opens in a dialog may stand out of it, unless the dialog is one that scrolls.
  $(document).on("select2:opening", ({ target }) => {
    const dialog = target.closest("dialog");
    if (dialog && dialog.scrollHeight <= dialog.clientHeight) dialog.classList.add("lets-out");
  });
  $(document).on("select2:close", ({ target }) => target.closest("dialog")?.classList.remove("lets-out"));
  $(document).on("select2:open", ({ target }) => {
    const place = shown(target);
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
  $(document).on("select2:selecting", async (event) => {
    const { target, params } = event;
    if (!params.args.data.create) return;
    event.preventDefault();
    $(target).select2("close");
    try {
      take(target, await window.hly.choose(target, params.args.data));
    } catch (problem) {
      if (!(problem instanceof window.hly.Unsent)) throw problem;
      window.hly.warn(problem.message);
    }
    shown(target)?.focus();
  });
  $(document).on("select2:close", ({ target }) => shown(target)?.removeAttribute("aria-controls"));
})();
