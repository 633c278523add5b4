// Lists: selection and bulk verbs, periods of time, keys, totals, groups, and a preview of a record.
(() => {
  const page = () => document.querySelector(".hly");
  const table = () => document.querySelector("table.list");
  const rowOf = (id) => table()?.querySelector(`[data-row="${CSS.escape(id || "")}"]`);
  const boxes = () => [...document.querySelectorAll(".list td.check input")];
  const say = (text) => {
    const place = document.querySelector("[data-said]");
    if (place) place.textContent = text;
  };
  const enliven = (part) => {
    if (window.django && django.jQuery) {
      django.jQuery(part).find(".admin-autocomplete").djangoAdminSelect2();
    }
  };
  const send = (url, body) =>
    window.hly.send(url, { method: body ? "POST" : "GET", body, headers: { "X-Part": "1" }, redirect: "error" });

  function note(beside, text, wrong) {
    const mark = document.createElement("span");
    mark.className = wrong ? "noted wrong" : "noted";
    mark.textContent = text;
    beside.after(mark);
    say(text);
    setTimeout(() => mark.remove(), wrong ? 8000 : 2500);
  }

  // -- selection ------------------------------------------------------------------------------------

  // After a bulk verb, refused records stay selected, also those on other pages.
  let kept = new Set();
  document.addEventListener("leave", () => {
    [kept, from] = [new Set(), null];
  });

  function count() {
    const label = document.querySelector("#selection [data-count]");
    if (!label) return;
    const every = document.querySelector("[data-check-all]");
    const here = boxes().filter((box) => box.checked);
    document.getElementById("selection").toggleAttribute("data-some", here.length > 0);
    const shown = new Set(boxes().map((box) => box.value));
    const others = [...kept].filter((id) => !shown.has(id)).length;
    const number = here.length + others;
    const said = every?.checked ? "every" : number === 1 ? "one" : "many";
    label.textContent = label.dataset[said].replace("%s", every?.checked ? every.dataset.total : number);
    const all = document.querySelector("[data-check-page]");
    if (all) {
      all.checked = here.length > 0 && here.length === boxes().length;
      all.indeterminate = here.length > 0 && !all.checked;
    }
  }

  // Shift selects a range, from the box that was clicked last.
  let from = null;
  document.addEventListener("click", (event) => {
    if (!event.target.matches(".list td.check input")) return;
    const all = boxes();
    const [start, end] = [all.findIndex((box) => box.value === from), all.indexOf(event.target)];
    from = event.target.value;
    if (!event.shiftKey || start < 0) return;
    for (const box of all.slice(Math.min(start, end), Math.max(start, end) + 1)) box.checked = event.target.checked;
    count();
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-check-page]")) {
      for (const box of boxes()) box.checked = event.target.checked;
    } else if (event.target.matches("[data-check-all]")) {
      if (event.target.checked) for (const box of boxes()) box.checked = true;
    } else if (event.target.matches(".list td.check input")) {
      const every = document.querySelector("[data-check-all]");
      if (every && !event.target.checked) every.checked = false;
      kept.delete(event.target.value);
    } else return;
    count();
  });
  document.addEventListener("reset", (event) => {
    if (event.target.id !== "selection") return;
    kept = new Set();
    setTimeout(count);
  });

  // -- bulk verbs -----------------------------------------------------------------------------------

  const dialog = () => document.querySelector("dialog#bulk");

  async function show(response, submitter) {
    const open = dialog();
    if (!open) return; // the list was left meanwhile
    if (response.status === 204) return finish(open);
    open.innerHTML = response.redirected || !response.headers.get("content-type")?.includes("html") ? "" : await response.text();
    if (!open.firstElementChild) return refresh();
    enliven(open);
    if (open.querySelector("form")) window.hly.restore(open.querySelector("form"));
    if (!open.open) open.showModal();
    open.opener = submitter || open.opener;
    const first = open.querySelector(".input :is(input, select, textarea):not([type=hidden], .select2-hidden-accessible), [tabindex]");
    (open.querySelector(".inputs .select2-selection") || first || open.querySelector(".btn.strong, .btn.danger")).focus();
  }

  const refresh = () => window.hly.visit(location.href, { pushes: false });

  // All records are done: updates the list, selects nothing, and returns the focus.
  async function finish(open) {
    unselect();
    const { opener } = open;
    open.close();
    await refresh();
    window.hly.fade();
    if (document.activeElement === document.body || !document.activeElement?.checkVisibility()) {
      (opener?.checkVisibility() ? opener : table()?.querySelector("tbody .name a") || document.getElementById("content"))?.focus({ preventScroll: true });
    }
  }

  function unselect(ids = []) {
    kept = new Set(ids);
    const every = document.querySelector("[data-check-all]");
    if (every) every.checked = false;
    for (const box of boxes()) box.checked = kept.has(box.value);
    count();
  }

  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    const asks = form.id === "selection" && submitter && !submitter.matches("[data-file]");
    const inside = dialog() && dialog().contains(form) && !form.matches("[data-undo]");
    if (form.id === "selection" && !asks) delete form.dataset.sent;
    if (!asks && !inside) return;
    event.preventDefault();
    if (submitter?.disabled) return;
    if (asks) window.hly.ahead(sendMany(form, submitter, asks));
    else sendMany(form, submitter, asks);
  }, true);

  // With ``asks`` it requests the form of a verb; else it sends that form, from within the dialog.
  async function sendMany(form, submitter, asks) {
    const body = new FormData(form, submitter);
    if (asks && !body.has("only") && !body.has("all")) {
      const here = new Set(boxes().map((box) => box.value));
      for (const id of kept) if (!here.has(id)) body.append("ids", id);
    }
    if (asks && submitter.name === "only") body.append("go", "1");
    const from = document.activeElement;
    if (submitter) submitter.disabled = true;
    try {
      const part = { body, headers: { "X-Part": "1" }, redirect: "error" };
      const answer = await (asks ? send(submitter.formAction, body) : window.hly.write(form, form.action, part));
      if (!asks && answer.ok) window.hly.forget(form);
      if (asks && window.hly.writesElsewhere(from)) return false;
      await show(answer, asks ? submitter : null);
    } catch (problem) {
      const again = () => form.requestSubmit(submitter);
      window.hly.tell(asks ? form.querySelector(".bar") : form, problem.message, again);
    } finally {
      if (submitter) submitter.disabled = false;
      delete form.dataset.sent;
    }
  }

  document.addEventListener("click", (event) => {
    if (dialog() && event.target.closest("dialog#bulk [data-closes]")) event.preventDefault();
  });
  document.addEventListener("close", (event) => {
    if (event.target !== dialog()) return;
    const told = event.target.querySelector("[data-failed]");
    if (told) {
      unselect(told.dataset.failed.split(",").filter(Boolean));
      refresh();
    }
    event.target.innerHTML = "";
    if (event.target.opener && event.target.opener.isConnected) event.target.opener.focus();
  }, true);

  // -- periods of time, columns ---------------------------------------------------------------------

  function fold(select) {
    const ends = select.closest("fieldset").querySelector(".ends");
    const own = select.value === "between";
    ends.hidden = !own;
    return ends;
  }

  const limit = (chooser) => {
    const all = [...chooser.querySelectorAll("[name=columns]")];
    const full = all.filter((box) => box.checked).length >= Number(chooser.dataset.columns);
    for (const box of all) box.disabled = full && !box.checked;
  };

  // Completes a row: the server sends only what differs between rows, see row_html.py.
  function complete(row, heads, list) {
    const link = row.querySelector("a");
    const { row: id, place } = row.dataset;
    row.removeAttribute("data-place");
    link.href = `${list.place}${id}/change/?in=${encodeURIComponent(`${list.in}&at=${place}`)}`;
    for (const [at, cell] of [...row.cells].entries()) {
      const [kind] = heads[at].classList;
      cell.className = cell === link.parentElement ? "name" : kind;
      if (kind !== "check" && cell !== link.parentElement) cell.dataset.label = (heads[at].querySelector("a") || heads[at]).firstChild.data.trim();
    }
    for (const bar of row.querySelectorAll("progress")) bar.max = 100;
    for (const drawn of row.querySelectorAll("progress, .initials")) drawn.setAttribute("aria-hidden", "true");
    const box = row.querySelector("td.check");
    if (!box) return;
    const input = Object.assign(document.createElement("input"), { type: "checkbox", name: "ids", value: id });
    input.setAttribute("form", "selection");
    input.setAttribute("aria-label", list.select.replace("%s", () => link.textContent));
    box.append(input);
  }

  // Turns values that can be edited into buttons. The server does not send them: they would make the page a tenth
  // longer, and do nothing without this script.
  function describe(place) {
    const heads = [...(place.closest("table") || place).querySelectorAll("thead th")];
    const names = heads.map((head) => head.dataset.name);
    for (const row of place.querySelectorAll("tr[data-place]")) complete(row, heads, place.querySelector("table.list").dataset);
    for (const cell of place.querySelectorAll("td[data-edit]")) {
      if (cell.querySelector("[data-cell]")) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.cell = names[cell.cellIndex];
      button.setAttribute("aria-describedby", "changes");
      const link = cell.matches(".name") && cell.querySelector("a");
      if (link) {
        // A name is a link to its record: it is edited by a key, or by a pen beside it.
        Object.assign(button, { className: "pen", textContent: "✎", tabIndex: -1, ariaHidden: "true" });
        link.setAttribute("aria-keyshortcuts", "e");
        link.after(button);
        continue;
      }
      button.append(...cell.childNodes);
      if (!button.hasChildNodes()) {
        button.className = "none";
        button.textContent = "—";
      }
      cell.append(button);
    }
  }
  document.addEventListener("fresh", (event) => describe(event.detail));

  // Prepares the controls of a page, or of one that replaced it.
  function begin() {
    if (table()) describe(table());
    add();
    for (const box of boxes()) if (kept.has(box.value)) box.checked = true;
    count();
    for (const select of document.querySelectorAll("[data-span]")) fold(select);
    for (const chooser of document.querySelectorAll("[data-columns]")) limit(chooser);
    showTab();
  }

  // If not all tabs of views fit, scrolls to the current one, or to the one with the focus.
  function showTab(tab = document.querySelector(".viewtabs [aria-current]")) {
    const tabs = tab?.closest(".viewtabs");
    if (!tabs || tabs.scrollWidth <= tabs.clientWidth) return;
    const [own, whole] = [tab.getBoundingClientRect(), tabs.getBoundingClientRect()];
    tabs.scrollLeft += Math.max(0, own.right + 24 - whole.right) + Math.min(0, own.left - 24 - whole.left);
  }
  document.addEventListener("focusin", (event) => event.target.closest(".viewtabs") && showTab(event.target));
  document.addEventListener("DOMContentLoaded", begin);
  document.addEventListener("parts", begin);

  document.addEventListener("change", (event) => {
    const { target } = event;
    const chooser = target.closest("[data-columns]");
    if (chooser) return limit(chooser);
    if (!target.matches("[data-span]")) return;
    const [low, high] = fold(target).querySelectorAll("input");
    if (target.value === "between") return low.focus();
    [low.value, high.value] = `${target.value}|`.split("|");
    target.form.requestSubmit();
  });

  // Keeps what opens at the end of the row in the window: not every browser does.
  function within(more) {
    more.classList.remove("from-the-right");
    const { right } = more.querySelector(":scope > div").getBoundingClientRect();
    more.classList.toggle("from-the-right", right > document.documentElement.clientWidth);
  }
  document.addEventListener("toggle", ({ target }) => target.open && target.matches(".facets .more") && within(target), true);
  document.addEventListener("parts", () => document.querySelectorAll(".facets .more[open]").forEach(within));

  // -- by keyboard --------------------------------------------------------------------------------

  // From the search to its results.
  document.addEventListener("keydown", (event) => {
    if (!event.target.matches?.(".hly form.facets input[type=search]") || event.isComposing || !["Escape", "ArrowDown"].includes(event.key)) return;
    const first = document.querySelector("table.list tbody .name a, [data-card] .name");
    if (!first) return;
    event.preventDefault();
    first.focus();
  });

  // The target of an arrow key: the next cell with a control, in this row, or in the one above or below.
  function beside(cell, key, rows, at) {
    const within = (place) => place?.querySelector(":scope > :is(a, button:not(.pen))");
    const down = { ArrowUp: -1, ArrowDown: 1 }[key];
    if (down) return within(rows[at + down]?.cells[cell.cellIndex]);
    let next = cell;
    do next = key === "ArrowLeft" ? next.previousElementSibling : next.nextElementSibling; while (next && !within(next));
    return within(next);
  }

  let left = null; // the focus before it moved to the bar for selected records
  document.addEventListener("keydown", (event) => {
    if (!table()) return;
    // Enter would press the first button of the bar.
    if (event.key === "Enter" && event.target.matches(".check input, #selection input")) return event.preventDefault();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select, dialog, [contenteditable]")) return;
    const rows = [...table().querySelectorAll("tbody tr[data-row]")];
    const at = rows.indexOf(event.target.closest("tbody tr"));
    if (event.key === "j" || event.key === "k") {
      const next = rows[event.key === "j" ? at + 1 : at < 0 ? rows.length - 1 : at - 1];
      if (next) {
        event.preventDefault();
        (next.querySelector(".name a") || next.querySelector(".check input")).focus();
        next.scrollIntoView({ block: "nearest" });
      }
    } else if (event.key === " " && event.target.matches(".name a")) {
      event.preventDefault();
      if (rows[at].dataset.row === peeked?.id) unpeek();
      else peek(rows[at]);
    } else if (event.key === "x" && at >= 0) {
      event.preventDefault();
      rows[at].querySelector(".check input")?.click();
    } else if ((event.key === "e" || event.key === "F2") && at >= 0) {
      event.preventDefault();
      (event.target.closest("button[data-cell]") || rows[at].querySelector(".pen"))?.click();
    } else if (event.key === "b" && document.querySelector("#selection[data-some]")) {
      event.preventDefault();
      left = document.activeElement;
      document.querySelector("#selection .acts .btn")?.focus();
    } else if (event.key === "Escape" && left && event.target.closest("#selection")) {
      event.preventDefault();
      (left.isConnected ? left : rows[0]?.querySelector(".name a"))?.focus();
    } else if (at >= 0 && event.key.startsWith("Arrow")) {
      const next = beside(event.target.closest("td"), event.key, rows, at);
      if (!next) return;
      event.preventDefault();
      next.focus();
    }
  });

  // -- totals of columns, and groups that unfold -------------------------------------------------------

  // The row of totals comes with a short list; for a long one it is requested separately. It is the same for another
  // page or another order of the list.
  let added = { url: "" };
  async function add() {
    const url = document.querySelector(".sheet[data-totals]")?.dataset.totals;
    if (!url) return void document.getElementById("totals")?.remove();
    const count = document.querySelector(".head .count")?.textContent;
    const rows = [...table().querySelectorAll("[data-row]")].map((row) => [row.dataset.row, row.dataset.version]);
    const same = url === added.url && count === added.count && rows.every(([id, version]) => (added.versions.get(id) ?? version) === version);
    const there = document.getElementById("totals");
    if (there && !there.dataset.loaded) {
      there.dataset.loaded = "1";
      added = { url, count, versions: new Map(rows) };
      return;
    }
    if (same && there) return rows.forEach((row) => added.versions.set(...row));
    const mine = (added = { url, count, versions: new Map(rows) });
    const answer = await fetch(url, { credentials: "same-origin", headers: { "X-Live": "1", "X-Region": "1" } }).catch(() => null);
    const foot = answer?.status === 200 && window.hly.parse(await answer.text()).getElementById("totals");
    if (mine !== added || !table()) return;
    document.getElementById("totals")?.remove();
    if (!foot) return;
    foot.dataset.loaded = "1";
    table().append(document.adoptNode(foot));
  }

  const OPEN = 'a[data-unfolds][aria-expanded="true"]';

  function unfold(link) {
    const open = link.getAttribute("aria-expanded") === "true";
    link.setAttribute("aria-expanded", !open);
    if (open) for (const row of link.closest("[data-group]").querySelectorAll("tr:not(.group)")) row.remove();
    else fill(link);
  }

  // Loads the rows of an open group; unchanged ones keep their elements.
  async function fill(link) {
    const group = link.closest("[data-group]");
    const got = await window.hly.load(link.href).catch((problem) => note(link, problem.message, true));
    if (!got || !link.isConnected || !link.matches(OPEN)) return;
    describe(got.page.documentElement);
    const here = new Map([...group.querySelectorAll("[data-row]")].map((row) => [row.dataset.row, row]));
    const rows = [...got.page.querySelectorAll("table.list tbody tr")].map((row) => {
      const old = here.get(row.dataset.row);
      if (old && (old.dataset.version === row.dataset.version || old.querySelector(".celled"))) return old;
      if (old?.querySelector(".check :checked")) row.querySelector(".check input").checked = true;
      row.classList.add("within");
      return document.adoptNode(row);
    });
    if (got.page.querySelector(".pager [rel=next]")) rows.push(onward(link));
    for (const row of group.querySelectorAll("tr:not(.group)")) if (!rows.includes(row)) row.remove();
    let last = group.querySelector(".group");
    for (const row of rows) {
      row.dataset.loaded = "1";
      if (last.nextElementSibling !== row) last.after(row);
      last = row;
    }
    count();
  }

  // A link to the list of the whole group.
  function onward(link) {
    const row = document.createElement("tr");
    const many = link.parentElement.querySelector(".count").textContent;
    const cell = Object.assign(document.createElement("td"), { className: "name" });
    cell.append(Object.assign(document.createElement("a"), { href: link.href, textContent: `${table().dataset.all} ${many} →` }));
    if (table().querySelector("th.check")) row.append(document.createElement("td"));
    row.append(cell);
    return row;
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-unfolds]") || (!event.target.closest("a, button, input") && event.target.closest("tr.group")?.querySelector("a[data-unfolds]"));
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    unfold(link);
  }, true);
  // A page that replaces this one keeps groups open, with their current rows.
  document.addEventListener("fresh", (event) => {
    for (const link of document.querySelectorAll(OPEN)) {
      event.detail.querySelector(`a[data-unfolds][href="${CSS.escape(link.getAttribute("href"))}"]`)?.setAttribute("aria-expanded", "true");
    }
  });
  document.addEventListener("parts", () => document.querySelectorAll(OPEN).forEach(fill));

  // -- a preview of a record beside its list ----------------------------------------------------------

  let peeked = null; // the previewed record and its version
  const CONTROLS = "form, .menu, .composers, .trail, [data-edits], .shows, .older, [data-opens], .undo, .head .acts, .card > header a";

  // Marks the row of the previewed record.
  function mark() {
    for (const row of table()?.querySelectorAll("tr[data-row]") || []) row.classList.toggle("peeked", row.dataset.row === peeked?.id);
  }

  function unpeek() {
    if (!peeked) return;
    const look = document.getElementById("peek");
    const link = look?.contains(document.activeElement) && rowOf(peeked.id)?.querySelector(".name a");
    look?.remove();
    peeked = null;
    mark();
    if (link) link.focus();
  }

  // The panel beside the list. The focus stays in the list.
  function panel() {
    const there = document.getElementById("peek");
    if (there) return there;
    const look = Object.assign(document.createElement("aside"), { id: "peek", className: "hly peek" });
    document.getElementById("main").append(look);
    return look;
  }

  async function peek(row) {
    const link = row.querySelector(".name a");
    if (!link) return;
    const mine = (peeked = { id: row.dataset.row, version: row.dataset.version });
    mark();
    const got = await window.hly.load(link.href).catch((problem) => note(link, problem.message, true));
    const record = got?.page.getElementById("record");
    if (peeked !== mine) return;
    if (!record) return unpeek();
    for (const control of record.querySelectorAll(CONTROLS)) control.remove();
    for (const empty of record.querySelectorAll(".missing, .people > div:not(:has(dd > *)), .sides > .card:not(:has(p, li, dl > *))")) empty.remove();
    for (const named of record.querySelectorAll("[id]")) named.removeAttribute("id");
    record.removeAttribute("id");
    // The page must have only one heading of the first level.
    const title = record.querySelector("h1");
    if (title) title.replaceWith(Object.assign(document.createElement("h2"), { className: "h1", textContent: title.textContent }));
    const open = document.createElement("a");
    Object.assign(open, { className: "btn", href: link.href, textContent: table().dataset.open });
    const close = document.createElement("button");
    Object.assign(close, { type: "button", className: "btn plain", textContent: "×" });
    close.addEventListener("click", unpeek);
    close.setAttribute("aria-label", table().dataset.close);
    const acts = document.createElement("div");
    acts.className = "acts";
    acts.append(open, close);
    const look = panel();
    look.setAttribute("aria-label", link.textContent);
    look.replaceChildren(acts, document.adoptNode(record));
    look.scrollTop = 0;
  }

  // The panel follows the focus in the list.
  document.addEventListener("focusin", (event) => {
    const row = peeked && event.target.closest("table.list tr[data-row]");
    if (row && row.dataset.row !== peeked.id) peek(row);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !peeked || event.defaultPrevented) return;
    if (event.target.closest("dialog[open], .select2-container--open, input:not([type=checkbox]), select") || document.querySelector("details.menu[open], .celled, dialog[open]")) return;
    unpeek();
  }, true);
  document.addEventListener("leave", unpeek);
  document.addEventListener("parts", () => {
    const row = rowOf(peeked?.id);
    if (peeked && !row) return unpeek();
    if (row && row.dataset.version !== peeked.version) return peek(row);
    mark();
  });

  window.addEventListener("pageshow", () => page() && setTimeout(count));

  // Prepares a row that replaced an edited one.
  function changed(row) {
    describe(row);
    add();
  }
  window.hly.lists = { table, rowOf, say, note, send, enliven, changed };
})();
