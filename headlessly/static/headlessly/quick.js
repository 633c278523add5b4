// Creates a record from any page: its quick form opens in a dialog, and shows similar records while somebody types.
(() => {
  const { ahead, writesElsewhere, load, write, parse, warn, restore, forget, makeChoices, Unsent } = window.hly;
  const QUIET = 200; // ms without a key before similar records are requested
  let dialog, opener, waiting, asked = 0;

  function stage() {
    if (dialog) return dialog;
    const place = document.createElement("div");
    place.className = "hly";
    dialog = document.createElement("dialog");
    dialog.className = "quick";
    dialog.setAttribute("aria-labelledby", "quick-title");
    dialog.addEventListener("close", () => {
      dialog.replaceChildren();
      if (opener?.isConnected) opener.focus();
    });
    place.append(dialog);
    document.body.append(place);
    return dialog;
  }

  const first = (form) => form.querySelector(".input.bad :is(input, select), .inputs :is(input:not([type=hidden]), select)");

  // The form of an answer in the dialog, the ``same`` where it was refused; false where the answer has none.
  function fill(page, same = false) {
    const section = page.querySelector(".card.quick");
    if (!section) return false;
    // What was refused comes back with all that was typed in it, but for a file: that is put in again.
    const files = [...stage().querySelectorAll("input[type=file]")].filter((input) => input.files.length);
    dialog.replaceChildren(document.adoptNode(section));
    for (const input of files) if (same && dialog.querySelector(`#${input.id}`)) dialog.querySelector(`#${input.id}`).files = input.files;
    if (!dialog.open) dialog.showModal();
    makeChoices(dialog);
    first(dialog)?.focus();
    return true;
  }

  // Spreads one pasted line over the inputs: "Mia Holm, mia@holm.example, Holm AS, referral", or cells of a sheet.
  // Email addresses and phone numbers go to inputs of their type, other parts to the empty inputs in order.
  function spread(form, input) {
    const inputs = [...form.querySelectorAll(".inputs :is(input[type=text], input[type=email], input[type=tel])")].filter((each) => each.name && !each.closest(".select2-container"));
    // Before <an address> is one name, even with a comma: "Holm, Mia <mia@holm.example>".
    const line = input.value.replace(/^([^<;\t\n]*)<\s*(\S+@[^\s>]+)\s*>/, (_all, name, address) => `${name.split(",").reverse().map((part) => part.trim()).join(" ").trim()}, ${address},`);
    const parts = line.split(/[,;\t\n<>]+/).map((part) => part.trim()).filter(Boolean);
    const kinds = [["email", /^\S+@\S+$/], ["tel", /^[+(]?\d[\d ()/.-]{4,}$/]];
    const kindOf = (part) => kinds.find(([kind, looks]) => looks.test(part) && inputs.some((each) => each.type === kind))?.[0] || "text";
    // "Holm, Mia" is a name: only a line with an address or a number is split.
    if (input !== inputs[0] || parts.length < 2 || parts.every((part) => kindOf(part) === "text")) return;
    if (inputs.some((each) => each !== input && each.value)) return;
    const put = parts.map((part) => {
      const place = inputs.find((each) => each.type === kindOf(part) && !each.spread);
      if (place) place.spread = part;
      return place;
    });
    // If there are more parts than inputs, the line is left as it was typed.
    const fits = put.every(Boolean);
    for (const each of inputs) {
      if (fits && (each.spread || each === input)) {
        each.value = each.spread || "";
        each.dispatchEvent(new Event("input", { bubbles: true }));
      }
      delete each.spread;
    }
  }
  document.addEventListener("change", (event) => {
    const form = event.target.closest("[data-quick-form]");
    if (form) spread(form, event.target);
  }, true);

  const open = (link) => ahead(openForm(link));
  async function openForm(link) {
    opener = dialog?.open ? opener : link;
    const from = document.activeElement;
    try {
      const { answer, page } = await load(link.href);
      if (writesElsewhere(from)) return false;
      if (!answer.ok || !fill(page)) {
        location.assign(link.href);
        return false;
      }
      restore(dialog.querySelector("form"));
      return true;
    } catch (problem) {
      if (!(problem instanceof Unsent)) throw problem;
      warn(problem.message, () => open(link));
      return false;
    }
  }

  // Shows on the current page that a record was created, and updates its lists.
  function tell(page) {
    const said = page.getElementById("toasts");
    // What is taken back leads back to this page, not to that of the form.
    for (const form of said?.querySelectorAll("form[data-undo]") || []) form.elements.back.value = location.pathname + location.search;
    document.getElementById("toasts")?.replaceChildren(...(said ? said.children : []));
    window.hly.fade();
    const main = document.getElementById("hly");
    if (main?.matches("[data-visits]") && !window.hly.holdsUnsaved(main)) window.hly.visit(location.href, { pushes: false, quiet: true });
  }

  // -- for a picker: creating what was chosen -----------------------------------------------------

  // Creates the record of a picker, with the quick form if it requires more; resolves to the choice, or null.
  async function choose(select, { create: url, sends }) {
    const body = new FormData();
    for (const [name, value] of Object.entries({ ...sends, choice: 1 })) body.set(name, value);
    body.set("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]")?.value || "");
    const said = await answered(select, url, body);
    return said.choice || (await ask(said.page, select));
  }

  async function answered(place, url, body) {
    const answer = await write(place, url, { body, headers: { "X-Region": "1" } });
    const text = await answer.text();
    if (!answer.ok || !answer.headers.get("Content-Type").includes("json")) return { page: parse(text) };
    window.hly.saved(answer);
    return { choice: JSON.parse(text) };
  }

  let chosen = null;
  function ask(page, select) {
    const back = dialog?.open;
    if (back || !fill(page)) return warn(page.querySelector("[role=alert]")?.textContent.trim() || page.title), null;
    opener = select.nextElementSibling?.querySelector(".select2-selection");
    return new Promise((done) => {
      chosen = done;
      dialog.addEventListener("close", () => done(null), { once: true });
    });
  }

  async function createChoice(form) {
    try {
      const said = await answered(form, form.action, new FormData(form));
      delete form.dataset.sent;
      if (!said.choice) return fill(said.page, true);
      forget(form);
      chosen?.(said.choice);
      dialog.close();
    } catch (problem) {
      delete form.dataset.sent;
      if (!(problem instanceof Unsent)) throw problem;
      window.hly.tell(form, problem.message, () => createChoice(form));
    }
  }

  async function create(form, then) {
    if (form.elements.choice) return createChoice(form);
    const body = new FormData(form);
    body.set("then", then);
    let got;
    try {
      got = await load(form.action, { method: "POST", body }, form);
    } catch (problem) {
      delete form.dataset.sent;
      if (!(problem instanceof Unsent)) throw problem;
      return window.hly.tell(form, problem.message, () => create(form, then));
    }
    const { answer, page } = got;
    if (!answer.redirected) {
      delete form.dataset.sent;
      if (!fill(page, true)) warn(page.title);
      return;
    }
    forget(form);
    document.dispatchEvent(new Event("written"));
    if (then === "open") return location.assign(answer.url);
    tell(page);
    if (then === "another") fill(page);
    else dialog.close();
  }

  async function alike(form) {
    const mine = (asked += 1);
    const body = new FormData(form);
    body.set("alike", "1");
    for (const [name, value] of [...body]) if (value instanceof File) body.delete(name);
    // What cannot be asked now is missed: what is made says what is in its way.
    const answer = await fetch(form.action, { method: "POST", body, credentials: "same-origin", headers: { "X-Live": "1" } }).catch(() => ({}));
    if (!answer.ok || answer.redirected || answer.headers.has("X-Sign-In") || mine !== asked || !form.isConnected) return;
    const text = await answer.text();
    if (mine === asked) form.querySelector("[data-told]")?.replaceChildren(...parse(text).body.childNodes);
  }

  document.addEventListener("input", (event) => {
    const form = event.target.closest("[data-quick-form]");
    if (!form) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => alike(form), QUIET);
  });

  document.addEventListener("click", (event) => {
    const takes = event.target.closest("[data-takes]");
    if (takes) {
      const { form } = takes;
      for (const [name, value] of Object.entries(JSON.parse(takes.dataset.takes))) form.elements[name].value = value;
      form.querySelector(".inputs input").dispatchEvent(new Event("input", { bubbles: true }));
      [...form.querySelectorAll(".inputs input")].find((input) => !input.value)?.focus();
      return;
    }
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = event.target.closest("a[data-quick]");
    if (!link) return;
    event.preventDefault();
    open(link);
  });

  document.addEventListener("submit", (event) => {
    const { target: form } = event;
    if (event.defaultPrevented || !form.matches("dialog [data-quick-form]")) return;
    event.preventDefault();
    create(form, event.submitter?.value || "");
  });

  Object.assign(window.hly, { choose, openQuick: open, tellMade: tell });

  // A page that uses "c" for something else, such as a call, keeps it.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "c" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable], dialog[open], .select2-container")) return;
    const link = document.querySelector(".quick-opener");
    if (!link || document.querySelector('#hly [data-key="c"]')) return;
    event.preventDefault();
    link.click();
  });
})();
