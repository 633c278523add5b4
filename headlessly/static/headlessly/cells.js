// Edits one cell of a list in place: a click loads its input; Enter, or leaving it, saves.
(() => {
  const { table, rowOf, say, note, send, enliven, changed } = window.hly.lists;

  let editing = null;
  document.addEventListener("leave", () => (editing = null));

  // One after the other: a cell is left for the next one only when its input has arrived.
  let turn = Promise.resolve();
  function edit(button) {
    const from = document.activeElement;
    return window.hly.ahead((turn = turn.catch(() => {}).then(() => open(button, from))));
  }

  // Resolves to false if there is no input.
  async function open(button, from) {
    // A change that could not be sent stays until it is sent or given up.
    if (editing?.unsent) return false;
    const [id, name] = [button.closest("tr").dataset.row, button.dataset.cell];
    if (editing) {
      // Going on to another cell saves this one.
      if (editing.busy || typedIn(editing.cell) !== editing.sent) await save();
      if (editing?.cell.querySelector(".wrong, .unsent")) return false;
      if (editing) leave();
    }
    // The row may have been replaced meanwhile.
    if (!button.isConnected) button = rowOf(id)?.querySelector(`[data-cell="${CSS.escape(name)}"]`);
    if (!button) return false;
    const cell = button.closest("td"), row = cell.closest("tr");
    const url = `${table().dataset.place}${row.dataset.row}/cell/${button.dataset.cell}/`;
    const answer = await send(url).catch((problem) => {
      note(button, problem.message, true);
      return { ok: false };
    });
    if (!answer.ok || !cell.isConnected || window.hly.writesElsewhere(from)) return false;
    const html = await answer.text();
    if (!cell.isConnected) return false;
    editing = { cell, row, name, busy: false };
    put(html);
    return true;
  }

  function put(html) {
    const mine = editing, { cell } = mine;
    // Events of its input that come later must not affect the cell that is edited by then.
    const isOpen = () => editing === mine && !mine.busy;
    cell.querySelector(".celled")?.remove();
    cell.classList.add("editing");
    cell.insertAdjacentHTML("beforeend", html);
    enliven(cell);
    const input = cell.querySelector(".celled :is(select, input:not([type=hidden]))");
    editing.sent = input.value;
    if (input.matches(".admin-autocomplete")) {
      const choice = django.jQuery(input);
      choice.on("select2:select", () => save());
      choice.on("select2:close", () => setTimeout(() => isOpen() && !cell.querySelector(".wrong") && leave(true), 50));
      if (!cell.querySelector(".wrong")) choice.select2("open");
      return;
    }
    input.focus();
    if (input.matches("select")) {
      input.addEventListener("change", () => save());
      if (!cell.querySelector(".wrong") && input.showPicker) try { input.showPicker(); } catch { /* allowed only after a gesture */ }
    } else if (input.select) input.select();
    input.addEventListener("blur", () => setTimeout(() => input.isConnected && isOpen() && (input.value === editing.sent ? leave() : save())));
  }

  function leave(focus) {
    const { cell } = editing;
    editing = null;
    cell.classList.remove("editing");
    cell.querySelector(".celled").remove();
    if (focus) cell.querySelector(".name > a, button").focus();
  }

  const typedIn = (cell) => cell.querySelector(".celled :is(select, input:not([type=hidden]))")?.value;

  let saving = null;
  const save = () => (saving ||= sendCell().finally(() => (saving = null)));
  async function sendCell() {
    // The cell, or the page, may have been left when the answer comes.
    const mine = editing;
    if (!mine || mine.busy) return;
    const { cell, row, name } = mine;
    mine.busy = true;
    const form = cell.querySelector("form");
    if (window.hly.incomplete(form)) {
      mine.busy = false;
      return;
    }
    const body = new FormData(form);
    form.querySelector(".unsent")?.remove();
    body.set("version", row.dataset.version);
    body.set("in", table().dataset.in);
    let answer;
    try {
      form.dataset.sent = "1";
      answer = await window.hly.write(form, form.action, { body, headers: { "X-Part": "1" }, redirect: "error" });
    } catch (problem) {
      delete form.dataset.sent;
      mine.busy = false;
      mine.unsent = true;
      window.hly.tell(form, problem.message, save);
      return;
    }
    window.hly.saved(answer);
    if (!cell.isConnected) return; // the cell was left meanwhile
    mine.unsent = false;
    if (answer.status === 204 || answer.status === 404) {
      if (editing === mine) editing = null;
      return row.remove();
    }
    const html = await answer.text();
    if (!html.includes("<tr")) {
      mine.busy = false;
      say("");
      if (editing && editing !== mine) return;
      editing = mine;
      return put(html);
    }
    const holder = document.createElement("tbody");
    holder.innerHTML = html;
    const now = holder.querySelector("tr"), checked = row.querySelector(".check input")?.checked;
    if (checked) now.querySelector(".check input").checked = true;
    if (editing === mine) editing = null;
    row.replaceWith(now);
    changed(now);
    const button = now.querySelector(`[data-cell="${name}"]`);
    const problem = now.dataset.problem;
    note(button || now.querySelector("td.name"), problem || table().dataset.saved, Boolean(problem));
    if (!problem) now.classList.add("saved");
    setTimeout(() => now.classList.remove("saved"), 1500);
    (button?.matches(".pen") ? now.querySelector(".name a") : button)?.focus();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-cell]");
    if (button) edit(button);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches(".celled")) return;
    event.preventDefault();
    event.stopPropagation();
    save();
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && editing && !event.target.closest(".select2-container--open")) {
      event.stopPropagation();
      leave(true);
    }
  }, true);
})();
