// Keys that are pressed while a requested part of the page is loading are meant for it. They are kept until it is
// there, and pressed then.
(() => {
  const WRITES = "input:not([type=checkbox], [type=radio]), textarea, [contenteditable]";
  const TYPES = `${WRITES}, select, .select2-container`;
  const KEPT = ["Enter", "Tab", "Backspace"];

  let coming = null; // the last request that is under way, and the keys since
  let before = ""; // the key that started it
  let pressed = null; // the element of the last pointerdown, until a key follows
  let pressing = false;

  // Keeps keys until ``asked`` resolves; if it resolves to false, or fails, they are dropped. Keys typed into the
  // input that ``from`` names are not kept: whoever asks by typing, as in a search, goes on typing. While a pointer
  // is down, the focus may have moved to what was loaded meanwhile, so the element that was pressed counts.
  function ahead(asked, from = pressed?.isConnected ? pressed : document.activeElement) {
    const mine = (coming = { by: before, from, keys: [] });
    const done = (came) => {
      if (coming === mine) coming = null;
      // The same key again and again means that nothing seemed to happen: it was meant once.
      if (came !== false && mine.keys.some((key) => key !== mine.by)) pressAll(mine.keys);
    };
    asked.then(done, () => done(false));
    return asked;
  }

  window.addEventListener("keydown", (event) => {
    if (event.isTrusted) pressed = null;
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing;
    if (!coming || pressing) return void (before = plain ? event.key : "");
    // Whoever asks by typing, such as in a search, goes on typing.
    if (event.target === coming.from && event.target.matches(TYPES)) return;
    // A dialog that opened meanwhile, such as for signing in, is answered first.
    const over = event.target.closest?.("dialog[open]");
    if (over && !over.contains(coming.from)) return;
    if (event.key === "Escape") return void (coming = null);
    if (!plain || (event.key.length > 1 && !KEPT.includes(event.key))) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!event.repeat) coming.keys.push(event.shiftKey && event.key === "Tab" ? "Shift-Tab" : event.key);
  }, true);
  // After a click elsewhere, keys are meant for that.
  window.addEventListener("pointerdown", (event) => {
    pressed = event.target;
    before = "";
    coming = null;
  }, true);

  // A key may start another request: the following ones are kept for that.
  function pressAll(keys) {
    const at = coming;
    pressing = true;
    try {
      for (const key of keys) {
        if (coming !== at) coming?.keys.push(key);
        else press(key);
      }
    } finally {
      pressing = false;
    }
  }

  function press(key) {
    const at = document.activeElement || document.body;
    const name = key === "Shift-Tab" ? "Tab" : key;
    const event = new KeyboardEvent("keydown", { key: name, shiftKey: name !== key, bubbles: true, cancelable: true });
    if (!at.dispatchEvent(event)) return;
    if (name === "Tab") neighbour(at, name !== key)?.focus();
    else if (key === "Enter" && at.matches("a[href], button, summary")) at.click();
    else if (key === " " && at.matches("button, summary, [type=checkbox]")) at.click();
    else if (key === "Enter" && at.matches("input, select")) submit(at);
    else if (at.matches("select")) pick(at, key);
    else if (key === "Backspace" && at.matches(WRITES)) document.execCommand("delete");
    else if (at.matches(WRITES)) document.execCommand("insertText", false, key === "Enter" ? "\n" : key);
  }

  function neighbour(at, back) {
    const place = at.closest("dialog, form") || document.body;
    const all = [...place.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")];
    const stops = all.filter((each) => !each.disabled && each.tabIndex >= 0 && (each === at || each.checkVisibility()));
    return stops[stops.indexOf(at) + (back ? -1 : 1)];
  }

  // Like a browser, by the first button.
  function submit({ form }) {
    if (!form) return;
    const button = [...form.elements].find((each) => each.type === "submit");
    if (button) button.click();
    else form.requestSubmit();
  }

  // Selects the first choice that begins with the typed letters.
  let typed = { text: "" };
  function pick(select, key) {
    typed = { select, text: (typed.select === select ? typed.text : "") + key.toLowerCase() };
    const choice = [...select.options].find((each) => each.text.trim().toLowerCase().startsWith(typed.text));
    if (!choice || choice.selected) return;
    select.value = choice.value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // Whether the user is typing elsewhere by now than when ``from`` had the focus: then the focus must not be taken.
  const writesElsewhere = (from) => document.activeElement !== from && Boolean(document.activeElement?.matches(TYPES));

  Object.assign(window.hly, { ahead, press: (key) => pressAll([key]), writesElsewhere });
})();
