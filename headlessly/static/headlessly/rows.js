// An editor for a list of objects, row by row. The text below holds the JSON that is sent; without this script it is
// the only input.
(() => {
  const make = (tag, more = {}) => Object.assign(document.createElement(tag), more);

  function read(text) {
    try {
      const found = JSON.parse(text.value.trim() || "[]");
      return Array.isArray(found) && found.every((row) => row && typeof row === "object" && !Array.isArray(row)) ? found : null;
    } catch { return null; }
  }

  // The value of an input; undefined if it is empty, so that the row does not get the key.
  function said(input, { kind, words, keys }) {
    if (kind === "flag") return input.checked || undefined;
    const key = (text) => keys?.meant(text.trim()) ?? text.trim();
    const value = words ? words.meant(input.value.trim()) : input.value.trim();
    if (!value) return undefined;
    if (kind === "list") return value.split("\n").map((line) => line.trim()).filter(Boolean);
    if (kind === "pairs") return Object.fromEntries(value.split("\n").filter((line) => line.trim()).map((line) => {
      const at = line.indexOf(":");
      return at < 0 ? [key(line), ""] : [key(line.slice(0, at)), parsed(line.slice(at + 1).trim())];
    }));
    if (kind === "number") return Number.isNaN(Number(value.replace(",", "."))) ? value : Number(value.replace(",", "."));
    return value.startsWith("{") ? parsed(value) : value;
  }

  // Parses values that are JSON other than plain text: 12, true, "12", {"$id": 1}. {{name}} is text.
  function parsed(value) {
    if (value.startsWith("{{") || !/^(true|false|null|-?\d|["[{])/.test(value)) return value;
    try { return JSON.parse(value); } catch { return value; }
  }
  const unparsed = (value) => typeof value === "string" && parsed(value) === value ? value : JSON.stringify(value);

  // All choices, including those in groups.
  const choices = (of) => of.flatMap(([each, label]) => (Array.isArray(label) ? label : [[each, label]]));

  function input(column, value, says) {
    if (column.kind === "flag") return make("input", { type: "checkbox", checked: value === true });
    if (column.kind === "list") return make("textarea", { rows: 2, value: (value || []).join("\n"), placeholder: says.lines });
    if (column.kind === "pairs") {
      const known = value && typeof value === "object" ? value : {};
      // A label with a colon would be cut there when the line is read again: then the name is used.
      const named = (key) => [column.keys?.shown(key) ?? key].find((label) => !label.includes(":")) ?? key;
      const lines = Object.entries(known).map(([key, each]) => `${named(key)}: ${unparsed(each)}`);
      return make("textarea", { rows: Math.max(2, lines.length), value: lines.join("\n"), placeholder: says.pairs });
    }
    if (column.kind === "choice") {
      const select = make("select");
      const option = ([each, label]) => make("option", { value: each, textContent: label });
      // Keeps the current value as a choice, also an empty one.
      if (!choices(column.of).some(([each]) => each === value)) select.append(option([value ?? "", value ?? ""]));
      for (const [each, label] of column.of) {
        if (!Array.isArray(label)) { select.append(option([each, label])); continue; }
        const group = make("optgroup", { label: each });
        group.append(...label.map(option));
        select.append(group);
      }
      select.value = value ?? "";
      return select;
    }
    if (column.kind === "date") return make("input", { type: "date", value: value ?? "" });
    const told = value && typeof value === "object" ? JSON.stringify(value) : value ?? "";
    const plain = column.words ? column.words.shown(told) : told;
    const typed = make("input", { type: "text", value: plain, inputMode: column.kind === "number" ? "decimal" : "text" });
    if (column.words) typed.setAttribute("list", column.list);
    return typed;
  }

  // A filter has rows of its own (filters.js), for the noun that the row's `type` names.
  function filter(column, row, write) {
    const text = make("textarea", { rows: 2, value: JSON.stringify({ type: row.type || column.builds.types[0].name, filter: row[column.key] || {} }) });
    text.dataset.builds = JSON.stringify(column.builds);
    text.addEventListener("built", () => {
      const now = JSON.parse(text.value);
      row.type = now.type;
      row[column.key] = now.filter;
      write();
    });
    return text;
  }

  function enhance(text) {
    if (!text.dataset.rows) return; // already, while another one was drawn
    const { columns, says } = JSON.parse(text.dataset.rows);
    const rows = read(text);
    if (!rows) return;
    const shown = columns.filter((column) => column.kind !== "order" && column.kind !== "hidden");
    const counts = columns.find((column) => column.kind === "order");
    const place = make("div", { className: "rows" });
    const list = make("ol");
    for (const column of shown) if (column.names) column.keys = window.hly.offered(column.names);
    for (const column of shown) if (column.offers) {
      column.list = `${text.id || text.name}_${column.key}_offers`;
      column.words = window.hly.offered(column.offers);
      place.append(column.words.list(column.list));
    }

    const write = () => {
      if (counts) rows.forEach((row, at) => (row[counts.key] = at + 1));
      text.value = rows.length ? JSON.stringify(rows, null, 2) : "";
    };
    function draw(focus) {
      list.replaceChildren(...rows.map((row, at) => {
        const item = make("li"), inputs = {};
        // Inputs that only some rows have are shown for those, or if they have a value.
        const appear = () => {
          for (const { key, beside, where } of shown) {
            if (beside && inputs[key]) inputs[key].parentElement.hidden = row[beside] !== where && !inputs[key].value;
          }
        };
        for (const column of shown) {
          if (column.kind === "filter") {
            const whole = make("div", { className: "filter" });
            whole.append(make("span", { textContent: column.label }), filter(column, row, write));
            item.append(whole);
            continue;
          }
          const label = make("label", { className: column.words ? "worded" : column.kind });
          const field = inputs[column.key] = input(column, row[column.key], says);
          field.addEventListener("input", () => {
            const now = said(field, column);
            if (now === undefined && !(column.kind === "flag" && column.key in row)) delete row[column.key];
            else row[column.key] = now ?? false;
            write();
            appear();
          });
          // A choice may fill in its neighbours: those that have a value keep it.
          field.addEventListener("change", () => {
            const begins = column.offers?.find(([value]) => value === row[column.key])?.[2];
            if (!begins || Object.keys(begins).every((key) => key in row && row[key] === begins[key])) return;
            for (const [key, each] of Object.entries(begins)) {
              if (row[key] && !choices(shown.find((other) => other.key === key)?.of || []).length) continue;
              row[key] = each;
              // Updated in place, as the next input may have the focus by now.
              if (inputs[key]) inputs[key].value = Array.isArray(each) ? each.join("\n") : each;
            }
            write();
            appear();
          });
          label.append(make("span", { textContent: column.label }), field);
          item.append(label);
        }
        const acts = make("span", { className: "acts" });
        const button = (sign, name, does) => {
          const made = make("button", { type: "button", className: "btn plain", textContent: sign, title: name.replace("%s", at + 1) });
          made.setAttribute("aria-label", made.title);
          made.addEventListener("click", () => { does(); write(); });
          acts.append(made);
        };
        if (at) button("↑", says.up, () => { rows.splice(at - 1, 0, ...rows.splice(at, 1)); draw(at - 1); });
        button("×", says.remove, () => { rows.splice(at, 1); draw(Math.min(at, rows.length - 1)); });
        item.append(acts);
        appear();
        return item;
      }));
      if (shown.some((column) => column.kind === "filter")) document.dispatchEvent(new Event("rows"));
      if (focus !== undefined) (list.children[focus]?.querySelector("input, select, textarea") || add).focus();
    }
    const add = make("button", { type: "button", className: "btn", textContent: says.add });
    add.addEventListener("click", () => {
      const row = {};
      for (const column of shown) if (column.kind === "choice" && choices(column.of)[0][0]) row[column.key] = choices(column.of)[0][0];
      rows.push(row);
      write();
      draw(rows.length - 1);
    });
    const whole = make("details");
    whole.append(make("summary", { className: "quiet", textContent: says.text }));
    text.before(place);
    whole.append(text);
    place.append(list, add, whole);
    text.removeAttribute("data-rows");
    text.addEventListener("change", () => {
      const now = read(text);
      if (now) { rows.splice(0, rows.length, ...now); draw(); }
    });
    draw();
  }

  const all = () => document.querySelectorAll("textarea[data-rows]").forEach(enhance);
  document.addEventListener("DOMContentLoaded", all);
  document.addEventListener("rows", all);
})();
