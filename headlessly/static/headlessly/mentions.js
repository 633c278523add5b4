// Suggests members after an @ in a text. One is chosen by arrows and Enter or Tab, or by a click. Only the text is
// sent, so everything works without this.
(() => {
  const QUIET = 120; // ms without a key before suggestions are requested
  // A name after an @ that cannot be part of an email address: no letter, digit or dot is before it.
  const BEGUN = /(?:^|[^\p{L}\p{N}_.@])@([\p{L}\p{N}][\p{L}\p{N}.' -]{0,60})?$/u;
  let text, list, chosen = 0, timer = 0, asked = 0;

  const words = () => document.getElementById("sending")?.dataset || {};
  const begun = () => BEGUN.exec(text.value.slice(0, text.selectionStart));

  function shut() {
    clearTimeout(timer);
    asked += 1;
    list?.remove();
    list = null;
    text?.removeAttribute("aria-activedescendant");
    text?.removeAttribute("aria-controls");
  }

  function choose(number) {
    const options = [...list.children];
    chosen = (number + options.length) % options.length;
    for (const [at, option] of options.entries()) option.setAttribute("aria-selected", String(at === chosen));
    text.setAttribute("aria-activedescendant", options[chosen].id);
  }

  function show(names) {
    list?.remove();
    list = document.createElement("ul");
    Object.assign(list, { id: "mentions", className: "mentions", role: "listbox" });
    list.setAttribute("aria-label", words().members);
    for (const [at, name] of names.entries()) {
      const option = document.createElement("li");
      Object.assign(option, { id: `mention-${at}`, role: "option", textContent: name });
      list.append(option);
    }
    text.after(list);
    text.setAttribute("aria-controls", list.id);
    choose(0);
  }

  async function ask() {
    const mine = (asked += 1);
    const found = begun();
    if (!found) return shut();
    const query = new URLSearchParams({ q: found[1] || "", at: location.pathname });
    // Without an answer the name can be typed.
    const answer = await fetch(`${words().mentions}?${query}`, { credentials: "same-origin", headers: { "X-Live": "1" } }).catch(() => null);
    const names = answer?.ok && answer.headers.get("Content-Type")?.startsWith("application/json") ? (await answer.json()).names : [];
    if (mine !== asked || !text.isConnected) return;
    if (names.length && document.activeElement === text) show(names);
    else shut();
  }

  // Names that no longer match are removed at once: Enter must not choose one that was suggested before.
  const fold = (said) => said.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  function narrow(typed) {
    const kept = [...list.children].filter((option) => ` ${fold(option.textContent)}`.includes(` ${fold(typed)}`));
    list.replaceChildren(...kept);
    if (kept.length) return choose(0);
    list.remove();
    list = null;
  }

  function take() {
    const found = begun();
    const name = list.children[chosen].textContent;
    shut();
    if (!found) return;
    const end = text.selectionStart;
    text.setRangeText(`${name} `, end - (found[1] || "").length, end, "end");
    text.dispatchEvent(new Event("input", { bubbles: true }));
  }

  document.addEventListener("input", ({ target }) => {
    if (!target.matches?.("textarea[data-mentions]") || !words().mentions) return;
    if (text !== target) shut();
    text = target;
    clearTimeout(timer);
    const found = begun();
    if (!found) return shut();
    if (list) narrow(found[1] || "");
    timer = setTimeout(ask, QUIET);
  });

  // Runs before all other listeners: Escape closes the suggestions and not the dialog, Enter chooses and sends
  // nothing.
  window.addEventListener("keydown", (event) => {
    if (!list || event.target !== text || event.isComposing) return;
    const { key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if (key === "ArrowDown") choose(chosen + 1);
    else if (key === "ArrowUp") choose(chosen - 1);
    else if (key === "Enter" || key === "Tab") take();
    else if (key === "Escape") shut();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

  document.addEventListener("pointerdown", (event) => {
    const option = event.target.closest?.("#mentions > li");
    if (!option) return;
    event.preventDefault(); // the text keeps the focus
    chosen = [...list.children].indexOf(option);
    take();
  });
  document.addEventListener("focusout", ({ target }) => target === text && shut());
})();
