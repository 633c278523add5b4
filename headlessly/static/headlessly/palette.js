// Finds records, pages and actions with Ctrl-K. Only the ids of recent records are stored in the browser; their
// labels, and whether the user may still see them, come from the server.
document.addEventListener("DOMContentLoaded", () => {
  const palette = document.getElementById("palette");
  if (!palette) return;
  const input = palette.querySelector("[role=combobox]");
  const list = palette.querySelector("[role=listbox]");
  const status = palette.querySelector("[data-said]");
  const { find, who, here, nothing, failed, count } = palette.dataset;
  const WAIT = 120; // ms without a key before the text is searched
  const KEEP = 8;
  const key = `hly-recent ${find} ${who}`;
  let options = [];
  let chosen = -1;
  let timer;
  let asking;
  let answered;
  let back;

  const recent = () => {
    try {
      const kept = JSON.parse(localStorage.getItem(key));
      return Array.isArray(kept) ? kept.filter((id) => typeof id === "string").slice(0, KEEP) : [];
    } catch {
      return [];
    }
  };
  const remember = (id) => {
    try {
      const kept = [id, ...recent().filter((other) => other !== id)].slice(0, KEEP);
      localStorage.setItem(key, JSON.stringify(kept));
    } catch {
      // Without storage there are no recent records.
    }
  };
  if (here) remember(here);

  const element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };

  const choose = (number) => {
    options[chosen]?.node.setAttribute("aria-selected", "false");
    chosen = options.length ? (number + options.length) % options.length : -1;
    const option = options[chosen];
    if (!option) return input.removeAttribute("aria-activedescendant");
    option.node.setAttribute("aria-selected", "true");
    option.node.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", option.node.id);
  };

  // An action with a button on the page is done by that button, with its dialog and its questions.
  const buttonFor = (item) => {
    const action = new URL(item.press, location.href).pathname;
    const forms = [...document.querySelectorAll("form")].filter(
      (form) =>
        new URL(form.getAttribute("action") || "", location.href).pathname === action &&
        Object.entries(item.sends).every(([name, value]) => form.elements[name]?.value === value),
    );
    for (const form of forms) {
      const dialog = form.closest("dialog");
      const opener = dialog && document.querySelector(`[data-opens="${CSS.escape(dialog.id)}"]`);
      const button = dialog ? opener : form.querySelector("[type=submit], button:not([type])");
      if (button) return button;
    }
    return null;
  };

  // The control on this page that does it: a button of a record, or another one.
  const controlFor = (item) => (item.press ? buttonFor(item) : document.querySelector(item.clicks));
  const isHere = (item) => item.url || controlFor(item);

  const option = (item) => {
    const number = options.length;
    const node = element("div", { role: "option", id: `palette-${number}`, "aria-selected": "false" });
    node.append(
      element("span", { class: "material-symbols-outlined", "aria-hidden": "true" }, item.icon || "circle"),
      element("b", {}, item.label),
      element("small", {}, [item.kind, item.detail].filter(Boolean).join(" · ")),
    );
    if (item.state) node.append(element("span", { class: `state tone-${item.tone}` }, item.state));
    options.push({ item, node });
    return node;
  };

  const show = ({ groups, problem }) => {
    options = [];
    chosen = -1;
    list.replaceChildren();
    if (problem) list.append(element("p", { class: "nothing" }, problem));
    groups.forEach((group, number) => {
      const items = group.items.filter(isHere);
      if (!items.length) return;
      const title = element("div", { class: "title", id: `palette-title-${number}` }, group.title);
      list.append(
        element("div", { role: "group", "aria-labelledby": title.id }, title, ...items.map(option)),
      );
    });
    if (!options.length && !problem) list.append(element("p", { class: "nothing" }, nothing));
    // A list box must have options, and nothing else.
    list.setAttribute("role", options.length ? "listbox" : "group");
    input.setAttribute("aria-expanded", String(options.length > 0));
    status.textContent = problem || (options.length ? count.replace("%s", options.length) : nothing);
    choose(0);
  };

  const ask = async () => {
    const text = input.value.trim();
    asking?.abort();
    asking = new AbortController();
    const query = new URLSearchParams({ q: text, at: location.pathname });
    if (!text) query.set("recent", recent().filter((id) => id !== here).join(","));
    try {
      const answer = await window.hly.send(`${find}?${query}`, {
        headers: { Accept: "application/json" },
        signal: asking.signal,
        redirect: "error",
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const found = await answer.json();
      if (input.value.trim() !== text) return;
      answered = text;
      show(found);
    } catch (error) {
      if (error.name !== "AbortError") show({ groups: [], problem: failed });
    }
  };

  const open = () => {
    if (palette.open || document.querySelector("dialog[open]")) return;
    back = document.activeElement;
    input.value = "";
    answered = undefined;
    show({ groups: [], problem: "" });
    list.replaceChildren();
    palette.showModal();
    input.focus();
    ask();
  };

  const go = ({ item }, apart) => {
    if (!item.url) {
      const control = controlFor(item);
      palette.close();
      control?.click();
    } else if (item.quick && !apart && window.hly?.openQuick) {
      const from = back;
      palette.close();
      window.hly.openQuick({ href: item.url, isConnected: true, focus: () => from?.focus?.() });
    } else if (apart) {
      window.open(item.url, "_blank", "noopener");
    } else {
      back = null;
      location.assign(item.url);
    }
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT);
  });
  input.addEventListener("keydown", async (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.isComposing) return;
    if (event.key in steps) choose(chosen + steps[event.key]);
    else if (event.key === "Enter") {
      event.preventDefault();
      // Enter right after typing means the new text, not the results that are still shown.
      if (answered !== input.value.trim()) {
        clearTimeout(timer);
        await ask();
      }
      if (options[chosen]) go(options[chosen], event.ctrlKey || event.metaKey);
      return;
    } else return;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => {
    const node = event.target.closest("[role=option]");
    const clicked = options.find((each) => each.node === node);
    if (clicked) go(clicked, event.ctrlKey || event.metaKey);
  });
  palette.addEventListener("click", (event) => event.target === palette && palette.close());
  palette.addEventListener("close", () => {
    clearTimeout(timer);
    asking?.abort();
    back?.focus?.();
  });
  document.addEventListener("click", (event) => event.target.closest("[data-palette]") && open());
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (palette.open) palette.close();
      else open();
    }
  });
});
