// Stores unsaved input in the browser, by user, record and field, until it is saved or given up. After a reload, a
// crash or a followed link it is offered again, and a dialog that was closed by Escape still has it.
(() => {
  const { words, dirty, sentWith, sentUnchanged, recall, arrived } = window.hly;
  const KEPT_FOR = 30 * 24 * 3600 * 1000; // ms
  const LONGEST = 40; // characters of the input that are shown

  const who = () => document.getElementById("palette")?.dataset.who;
  const prefix = () => `draft:${who()}:`;
  const place = (form) => [new URL(form.action, location.href).pathname, form.dataset.about || "", form.dataset.one || ""].join("|");
  const written = (form) => [...form.elements].filter((input) => input.name && !["hidden", "submit", "button", "password", "file"].includes(input.type));
  const isKept = (form) => who() && form?.method === "post" && form.closest(".hly") && !form.matches("#selection, .gate, .celled, #move") && !form.querySelector("[type=password], [type=file]");

  function read(key) {
    try { return JSON.parse(localStorage.getItem(key)); } catch { return null; }
  }
  function every() {
    try { return Object.keys(localStorage).filter((key) => key.startsWith("draft:")); } catch { return []; }
  }
  function drop(key) {
    try { localStorage.removeItem(key); } catch { /* nothing was stored */ }
  }

  // -- keeping ------------------------------------------------------------------------------------

  const nameOf = (form) =>
    (form.closest(".composer")?.querySelector("summary")?.textContent.replace("+", "") ||
      form.querySelector("h2, label")?.textContent || document.querySelector("h1")?.textContent || "").replace("*", "").trim();

  function keep(form) {
    if (!isKept(form)) return;
    if (!dirty(form)) return forget(form);
    const fields = written(form).map((input) => {
      const { name, type, value, checked, options, selectedIndex } = input;
      return { name, value, checked, box: type === "checkbox" || type === "radio", text: options?.[selectedIndex]?.text };
    });
    const typed = written(form).find((input) => input.type !== "checkbox" && input.type !== "radio" && input.value && input.value !== input.defaultValue);
    const said = typed?.options ? typed.selectedOptions[0]?.text : typed?.value;
    try { localStorage.setItem(prefix() + place(form), JSON.stringify({ at: Date.now(), name: nameOf(form), said, fields, sent: sentUnchanged(form) })); } catch { /* then the draft is lost */ }
  }

  function forget(form) {
    if (!form || !who()) return;
    clearTimeout(waiting.get(form));
    waiting.delete(form); // else leaving the page would keep it
    drop(prefix() + place(form));
    offer();
  }

  const waiting = new Map();
  document.addEventListener("input", (event) => {
    const { form } = event.target;
    if (!form || !isKept(form)) return;
    clearTimeout(waiting.get(form));
    waiting.set(form, setTimeout(() => (waiting.delete(form), form.isConnected && keep(form)), 200));
  });
  document.addEventListener("cancel", (event) => {
    const form = event.target.matches("dialog") && event.target.querySelector("form[method=post]");
    if (form) keep(form);
  }, true);
  const keepWaiting = () => {
    for (const form of waiting.keys()) if (form.isConnected) keep(form);
  };
  window.addEventListener("pagehide", keepWaiting);
  document.addEventListener("leave", keepWaiting);

  // Cancel discards the draft; Escape does not.
  document.addEventListener("click", (event) => {
    const left = event.target.closest("[data-closes], [data-leaves]");
    forget(left?.closest("dialog, [data-field]")?.querySelector("form[method=post]"));
  }, true);
  // A form that leads to another page is being sent, and comes back with its input if it is refused. If the password
  // is asked for first, nothing was done, and it becomes a draft again.
  const SENT = "sent-draft";
  function hold(form) {
    keep(form);
    const key = prefix() + place(form);
    try { sessionStorage.setItem(SENT, JSON.stringify([key, localStorage.getItem(key)])); } catch { /* then the draft is lost */ }
    forget(form);
  }
  function takeBack() {
    try {
      const [key, draft] = JSON.parse(sessionStorage.getItem(SENT)) || [];
      sessionStorage.removeItem(SENT);
      if (draft && document.querySelector("[data-asks-first]")) localStorage.setItem(key, draft);
    } catch { /* nothing was stored */ }
  }
  window.addEventListener("submit", (event) => {
    if (!event.defaultPrevented && isKept(event.target)) hold(event.target);
    // Signing out removes all drafts, so that other users of this browser do not see them.
    if (event.target.matches("#logout-form")) every().forEach(drop);
  });

  // -- sent, but not answered -----------------------------------------------------------------------

  // It may have arrived: this is checked before it is offered as unsaved.
  const asked = new Map(); // the state of that check, by key
  document.addEventListener("sending", (event) => {
    asked.delete(sentWith(event.target)?.key);
    keep(event.target);
  });
  document.addEventListener("putaway", ({ target: form }) => {
    const draft = isKept(form) && read(prefix() + place(form));
    if (!draft?.sent) return;
    asked.delete(draft.sent.key);
    settle(prefix() + place(form), draft);
  });

  async function settle(key, draft) {
    const { sent } = draft;
    if (asked.has(sent.key)) return;
    asked.set(sent.key, "asking");
    const there = await arrived(sent.key).catch(() => false);
    if (!there) {
      asked.set(sent.key, "not there");
      return offer();
    }
    const form = home(key)?.form;
    if (read(key)?.sent?.key === sent.key) drop(key); // unless it was changed meanwhile
    if (form && sentUnchanged(form)?.key === sent.key) {
      form.reset();
      form.querySelector(":scope > .unsent")?.remove();
    }
    window.hly.inform(words().arrived.replace("%s", draft.name));
    offer();
    // Shows the saved record in the page.
    if (document.querySelector("#hly[data-visits]")) window.hly.visit(location.href, { pushes: false, quiet: true });
  }

  // -- restoring ------------------------------------------------------------------------------------

  // Fills a form with its draft.
  function restore(form) {
    const draft = form && who() && read(prefix() + place(form));
    if (!draft) return;
    for (const { name, value, checked, box, text } of draft.fields) {
      for (const input of written(form).filter((each) => each.name === name)) {
        if (box) {
          if (input.value === value) input.checked = checked;
          continue;
        }
        if (input.matches("select") && ![...input.options].some((option) => option.value === value)) input.append(new Option(text, value));
        input.value = value;
        if (window.django?.jQuery && input.matches(".select2-hidden-accessible")) django.jQuery(input).trigger("change.select2");
      }
    }
    recall(form, draft.sent);
    form.dispatchEvent(new Event("input", { bubbles: true }));
    offer();
  }

  // The form of a draft on this page, or the control that opens it.
  function home(key) {
    const [path, about, one] = key.slice(prefix().length).split("|");
    const forms = [...document.querySelectorAll(".hly form")].filter((form) => new URL(form.action, location.href).pathname === path);
    if (one) return document.querySelector(`[data-edits="${CSS.escape(one)}"]`) && path.startsWith(recordPath()) ? { pen: one } : null;
    const form = forms.find((each) => each.method === "post" && (each.dataset.about || "") === about && !each.dataset.one);
    if (form) return { form };
    const opener = forms.find((each) => each.matches("[data-opens-dialog]"));
    return opener && !about ? { opener } : null;
  }
  const recordPath = () => document.getElementById("record") ? location.pathname.replace(/change\/?$/, "") : location.pathname;

  function goOn(key) {
    const { form, pen, opener } = home(key) || {};
    if (pen) return document.querySelector(`[data-edits="${CSS.escape(pen)}"]`).click();
    if (opener) return opener.requestSubmit();
    if (!form) return;
    for (let details = form.closest("details"); details; details = details.parentElement.closest("details")) details.open = true;
    restore(form);
    for (const details of form.querySelectorAll("details")) details.open = true;
    written(form).find((input) => input.value)?.focus();
  }

  // Whether its form is open with unsaved input.
  const isShown = (key) => {
    const one = key.split("|")[2];
    const form = one ? document.querySelector(`form[data-one="${CSS.escape(one)}"]`) : home(key)?.form;
    return Boolean(form && dirty(form));
  };

  function line(key, draft) {
    const item = document.createElement("p");
    const what = document.createElement("span");
    const name = document.createElement("b");
    name.textContent = draft.name;
    what.append(name, draft.said ? `: ${draft.said.slice(0, LONGEST)}${draft.said.length > LONGEST ? "…" : ""} ` : " ");
    const button = (text, does) => {
      const made = document.createElement("button");
      Object.assign(made, { type: "button", className: "btn small", textContent: text });
      made.setAttribute("aria-label", `${text}: ${draft.name}`);
      made.addEventListener("click", does);
      return made;
    };
    item.append(what, button(words().goOn, () => goOn(key)), " ", button(words().discard, () => (drop(key), offer())));
    return item;
  }

  function offer() {
    const main = document.getElementById("hly");
    if (!main || !who()) return;
    const found = every().filter((key) => key.startsWith(prefix())).map((key) => [key, read(key)])
      .filter(([key, draft]) => draft && home(key) && !isShown(key));
    const known = found.filter(([key, draft]) => !draft.sent || asked.get(draft.sent.key) === "not there" || void settle(key, draft));
    let notice = document.getElementById("drafts");
    if (!known.length) return notice?.remove();
    if (!notice) {
      notice = document.createElement("div");
      Object.assign(notice, { id: "drafts", className: "notice warn drafts" });
      notice.setAttribute("role", "status");
      notice.dataset.loaded = "1";
      main.prepend(notice);
    }
    const title = document.createElement("b");
    title.textContent = words().unsaved;
    notice.replaceChildren(title, ...known.map(([key, draft]) => line(key, draft)));
  }

  document.addEventListener("DOMContentLoaded", () => {
    takeBack();
    for (const key of every()) if (!(Date.now() - (read(key)?.at || 0) < KEPT_FOR)) drop(key);
    offer();
  });
  document.addEventListener("parts", offer);

  Object.assign(window.hly, { restore, forget });
})();
