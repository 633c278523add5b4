// Who knows their keys does not wait for the page: what is pressed while something that was asked for is on its way
// is meant for it. It is kept until that is there, and pressed then.
(() => {
  const WRITES = "input:not([type=checkbox], [type=radio]), textarea, [contenteditable]";
  const TYPES = `${WRITES}, select, .select2-container`;
  const KEPT = ["Enter", "Tab", "Backspace"];

  let coming = null; // what is on its way last, and what was pressed since
  let before = ""; // the key that asked for it
  let pressed = null; // what a hand pressed, until a key follows
  let pressing = false;

  // On its way back to the one who asked: answers false where it does not come, and then nothing is pressed. Who asked
  // by typing types on meanwhile, unless it is ``from`` nowhere.
  // While a button is held down, what came meanwhile may have taken the focus: nobody asked by typing there.
  function ahead(asked, from = pressed?.isConnected ? pressed : document.activeElement) {
    const mine = (coming = { by: before, from, keys: [] });
    const done = (came) => {
      if (coming === mine) coming = null;
      // Pressed again and again by whoever saw nothing happen: they meant it once.
      if (came !== false && mine.keys.some((key) => key !== mine.by)) pressAll(mine.keys);
    };
    asked.then(done, () => done(false));
    return asked;
  }

  window.addEventListener("keydown", (event) => {
    if (event.isTrusted) pressed = null;
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing;
    if (!coming || pressing) return void (before = plain ? event.key : "");
    // Who asked by typing, such as in a search, types on.
    if (event.target === coming.from && event.target.matches(TYPES)) return;
    // What came over the page meanwhile, such as signing in, is answered first.
    const over = event.target.closest?.("dialog[open]");
    if (over && !over.contains(coming.from)) return;
    if (event.key === "Escape") return void (coming = null);
    if (!plain || (event.key.length > 1 && !KEPT.includes(event.key))) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!event.repeat) coming.keys.push(event.shiftKey && event.key === "Tab" ? "Shift-Tab" : event.key);
  }, true);
  // Who presses something else meanwhile, types there.
  window.addEventListener("pointerdown", (event) => {
    pressed = event.target;
    before = "";
    coming = null;
  }, true);

  // A key may ask for something else: what follows is meant for that.
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

  // As a browser does: by its first button.
  function submit({ form }) {
    if (!form) return;
    const button = [...form.elements].find((each) => each.type === "submit");
    if (button) button.click();
    else form.requestSubmit();
  }

  // The first choice that begins with what is typed of it.
  let typed = { text: "" };
  function pick(select, key) {
    typed = { select, text: (typed.select === select ? typed.text : "") + key.toLowerCase() };
    const choice = [...select.options].find((each) => each.text.trim().toLowerCase().startsWith(typed.text));
    if (!choice || choice.selected) return;
    select.value = choice.value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // Whether one writes somewhere else by now than when ``from`` had the focus: what was asked for then takes the
  // focus from nobody's typing.
  const writesElsewhere = (from) => document.activeElement !== from && Boolean(document.activeElement?.matches(TYPES));

  Object.assign(window.hly, { ahead, press: (key) => pressAll([key]), writesElsewhere });
})();
