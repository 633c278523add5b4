// Builds a filter row by row: each choice loads the rows again. A list opens the form in a dialog; in a record with a
// filter, the rows replace its JSON text, which is still what is sent.
(() => {
  const PART = { headers: { "X-Part": "1" } };
  const choices = (place) => window.hly.makeChoices?.(place);

  // -- rows ---------------------------------------------------------------------------------------

  const said = (place) => {
    const sent = new URLSearchParams();
    for (const each of place.querySelectorAll("[name]")) {
      if (each.matches("button, noscript *") || (each.type === "checkbox" && !each.checked)) continue;
      if (each.multiple) for (const option of each.selectedOptions) sent.append(each.name, option.value);
      else sent.append(each.name, each.value);
    }
    return sent;
  };

  const inputs = (place) => [...place.querySelectorAll("input:not([type=hidden], [type=checkbox]), textarea")].filter((each) => each.name);

  // Enter applies the filter; without this script it would press the first button of the form.
  function begin(place) {
    for (const button of place.querySelectorAll("[data-filter-rows] button, .rowed button")) button.type = "button";
    choices(place);
  }

  async function draw(place, more) {
    const sent = "filter" in more ? new URLSearchParams() : said(place);
    for (const [name, value] of Object.entries({ ...more, rows: "1" })) sent.set(name, value);
    const typed = inputs(place).map((each) => [each.name, each.value]);
    const mine = (place.asked = (place.asked || 0) + 1);
    const answer = await window.hly.send(`${place.dataset.filterRows}?${sent}`, PART);
    if (mine !== place.asked) return;
    if (!answer.ok) throw new Error(place.dataset.fails);
    const html = await answer.text();
    // Keeps input that was typed during the request.
    const since = inputs(place).filter((each) => !typed.some(([name, value]) => name === each.name && value === each.value));
    const kept = since.map((each) => [each.name, each.value]);
    // The focus now, and not at the time of the request: the user may type in another input already.
    const active = document.activeElement, within = place.contains(active);
    const [at, caret] = [active?.name, within ? active.selectionStart : null];
    place.innerHTML = html;
    place.drawnAs = String(said(place));
    for (const each of inputs(place)) for (const [name, value] of kept) if (name === each.name) each.value = value;
    begin(place);
    place.dispatchEvent(new CustomEvent("drawn"));
    if (!within) return;
    const added = more.do?.startsWith("add:") || more.do?.startsWith("group:");
    const fields = [...place.querySelectorAll(".what")];
    const next = added ? fields.filter((each) => !each.value).pop() : place.querySelector(`[name="${CSS.escape(at || "")}"]`);
    (next || place.querySelector("select, button"))?.focus();
    if (next?.name === at && Number.isInteger(caret)) next.setSelectionRange?.(caret, caret);
  }

  // A failed request is kept, to be repeated: the rows are not those of the filter.
  function redraw(place, more) {
    const form = place.closest("form") || place;
    const drawing = draw(place, more).then(() => {
      if (place.undrawn) form.querySelector(":scope > .unsent")?.remove();
      place.undrawn = null;
    }, (problem) => {
      place.undrawn = more;
      window.hly.tell(form, problem.message, () => redraw(place, more));
    }).finally(() => place.drawing === drawing && (place.drawing = null));
    return (place.drawing = drawing);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-filter-rows] button[name=do]");
    if (!button) return;
    event.preventDefault();
    redraw(button.closest("[data-filter-rows]"), { do: button.value });
  }, true);
  // Typing into a select changes it with each letter: its rows are loaded after a pause, or when it is left.
  const PAUSE = 500; // ms
  let typed = null, pausing = null;
  const flush = () => {
    if (!pausing) return;
    const { place, timer } = pausing;
    clearTimeout(timer);
    pausing = null;
    if (place.isConnected) redraw(place, {});
  };
  document.addEventListener("keydown", (event) => {
    typed = event.target.matches("select") && event.key.length === 1 && event.key !== " " ? event.target : null;
  }, true);
  document.addEventListener("focusout", flush);
  window.addEventListener("submit", flush, true);

  const changed = ({ target }) => {
    const place = target.closest?.("[data-filter-rows]");
    if (!place) return;
    // In a dialog only choices that change the inputs; a text is updated with each change.
    if (!place.matches("[data-writes]") && !/^[fow]\./.test(target.name)) return;
    if (pausing) clearTimeout(pausing.timer);
    pausing = null;
    if (typed === target) pausing = { place, timer: setTimeout(flush, PAUSE) };
    else redraw(place, {});
  };
  document.addEventListener("change", changed);
  document.addEventListener("DOMContentLoaded", () => {
    // Searchable choices trigger events of jQuery only.
    if (window.django?.jQuery) django.jQuery(document).on("select2:select select2:unselect", "[data-writes] select", changed);
  });

  // -- in the dialog of a list ----------------------------------------------------------------------

  const dialog = () => {
    const found = document.querySelector("dialog#building");
    if (found) return found;
    const made = Object.assign(document.createElement("dialog"), { id: "building" });
    made.setAttribute("aria-labelledby", "building-title");
    (document.getElementById("hly") || document.body).append(made);
    return made;
  };

  async function build(link) {
    const from = document.activeElement;
    try {
      const answer = await window.hly.send(link.href, PART);
      const text = await answer.text();
      if (window.hly.writesElsewhere(from)) return false;
      const open = dialog();
      open.innerHTML = text;
      const menu = link.closest("details");
      if (menu) {
        // Closing the dialog returns the focus to what opens the menu, which is closed itself.
        menu.open = false;
        menu.querySelector("summary").focus();
      }
      open.showModal();
      begin(open);
      (open.querySelector(".what") || open.querySelector("select"))?.focus();
      return true;
    } catch {
      location.href = link.href;
      return false;
    }
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-builds]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    window.hly.ahead(build(link));
  }, true);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("dialog#building a[data-closes]");
    if (!link) return;
    event.preventDefault();
    link.closest("dialog").close();
  }, true);

  window.addEventListener("submit", async (event) => {
    const { target: form } = event;
    if (!form.matches("dialog#building [data-building]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const place = form.querySelector("[data-filter-rows]");
    await place.drawing;
    const sent = said(form);
    sent.set("do", "apply");
    try {
      const answer = await window.hly.send(`${form.action}?${sent}`, PART);
      const to = answer.headers.get("X-To");
      const open = dialog();
      if (to) {
        open.close();
        window.hly.visit ? window.hly.visit(new URL(to, location.href).href) : (location.href = to);
        return;
      }
      open.innerHTML = await answer.text();
      begin(open);
      (open.querySelector(".bad [name^='v.']") || open.querySelector(".what"))?.focus();
    } catch (problem) {
      window.hly.tell(form, problem.message, () => form.requestSubmit());
    }
  }, true);

  // -- instead of a text ----------------------------------------------------------------------------

  function enhance(text) {
    if (text.dataset.built) return;
    let held;
    try {
      held = JSON.parse(text.value.trim() || "null");
    } catch { return; }
    text.dataset.built = "1";
    const { types, says } = JSON.parse(text.dataset.builds);
    const make = (tag, more) => Object.assign(document.createElement(tag), more);
    const whole = make("div", { className: "builder" });
    const kind = make("select", { ariaLabel: says.type });
    for (const { name, label } of types) kind.append(make("option", { value: name, textContent: label, selected: name === held?.type }));
    const place = make("div", {});
    place.dataset.writes = "";
    place.dataset.fails = says.fails;
    const write = (filter) => {
      text.value = JSON.stringify({ type: kind.value, filter });
      text.dispatchEvent(new Event("built"));
    };
    place.addEventListener("drawn", () => {
      const { filter } = place.firstElementChild.dataset;
      if (!("wrong" in place.firstElementChild.dataset)) write(filter ? JSON.parse(filter) : {});
    });
    const ask = (filter) => {
      place.dataset.filterRows = types.find(({ name }) => name === kind.value).url;
      return redraw(place, { filter: JSON.stringify(filter) });
    };
    kind.addEventListener("change", () => ask({}));
    whole.append(kind, place);
    text.before(whole);
    text.hidden = true;
    ask(held?.filter || {});
  }

  // Before the form is sent, the last input is written to the text. Rows that are wrong, unfinished or could not be
  // loaded keep it from being sent.
  const toWrong = (place) => (place.querySelector(".bad [name^='v.']") || place.querySelector("select, button"))?.focus();
  window.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    // Input that was typed while rows were loading is in a new element, which fires no change event.
    const unsaid = (each) => each.drawnAs !== String(said(each));
    const place = [...form.querySelectorAll("[data-writes]")].find((each) => each.drawing || each.undrawn || unsaid(each) || each.matches(":has(> :is([data-wrong], [data-unfinished]))"));
    if (!place) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (place.drawing) place.drawing.then(() => form.requestSubmit(submitter));
    else if (place.undrawn) redraw(place, place.undrawn).then(() => place.undrawn || form.requestSubmit(submitter));
    else if (unsaid(place)) {
      const asked = String(said(place));
      redraw(place, {}).then(() => {
        // The server may return other values than were sent; that must not repeat forever.
        if (String(said(place)) === asked) place.drawnAs = asked;
        return place.undrawn || form.requestSubmit(submitter);
      });
    } else if (place.querySelector(":scope > [data-wrong]")) toWrong(place);
    else redraw(place, { do: "check" }).then(() => toWrong(place));
  }, true);
  const all = () => document.querySelectorAll("textarea[data-builds]").forEach(enhance);
  document.addEventListener("DOMContentLoaded", () => (begin(document), all()));
  document.addEventListener("rows", all);
})();
