// What is typed and not saved: one is asked before it is left, half a date is refused, and what was typed into
// a dialog that Escape closed is there when it is opened again.
(() => {
  const { words } = window.hly;

  function changed(input) {
    if (!input.name || input.disabled || ["hidden", "submit", "button", "password"].includes(input.type)) return false;
    if (input.validity?.badInput) return true;
    if (input.type === "checkbox" || input.type === "radio") return input.checked !== input.defaultChecked;
    if (input.matches("select")) {
      const first = [...input.options].filter((option) => option.defaultSelected).pop() || input.options[0];
      return input.selectedOptions[0] !== first;
    }
    return input.value !== input.defaultValue;
  }

  // What was refused is not saved either, though it came back from the server as it was typed.
  const dirty = (form) => Boolean(form.querySelector(".wrong")) || [...form.elements].some(changed);

  window.addEventListener("beforeunload", (event) => {
    for (const form of document.querySelectorAll(".hly form[method=post]")) {
      if (form.dataset.sent || form.matches("#selection, .gate") || form.closest("dialog:not([open])")) continue;
      if (dirty(form)) return event.preventDefault();
    }
  });

  // -- half a date ----------------------------------------------------------------------------------

  // A browser sends half a date as none at all: it is said, and nothing is sent.
  function incomplete(form) {
    let first = null;
    for (const input of form.elements) {
      if (!input.validity?.badInput) continue;
      const place = input.closest(".input") || input.parentElement;
      let line = place.querySelector(".wrong.half");
      if (!line) {
        line = document.createElement("p");
        line.className = "wrong half";
        line.setAttribute("role", "alert");
        line.id = `${input.id || input.name}_half`;
        place.append(line);
        input.setAttribute("aria-invalid", "true");
        input.setAttribute("aria-describedby", line.id);
        input.addEventListener("input", () => {
          line.remove();
          input.removeAttribute("aria-invalid");
          input.removeAttribute("aria-describedby");
        }, { once: true });
      }
      line.textContent = ["date", "datetime-local", "time", "month"].includes(input.type) ? words().half : words().unreadable;
      first ||= input;
    }
    first?.focus();
    return Boolean(first);
  }
  window.addEventListener("submit", (event) => {
    if (!incomplete(event.target)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

  // -- dialogs that are closed ------------------------------------------------------------------------

  // By who and where, for as long as the tab is open: the page may have been left meanwhile.
  const place = (form) => {
    const who = document.getElementById("palette")?.dataset.who;
    return `typed:${who}:${new URL(form.action).pathname}:${form.dataset.about || ""}`;
  };
  const written = (form) => [...form.elements].filter((input) => input.name && !["hidden", "submit", "button", "password"].includes(input.type));

  function keep(form) {
    const said = written(form).map((input) => {
      const { name, value, checked, options, selectedIndex } = input;
      return { name, value, checked, text: options?.[selectedIndex]?.text };
    });
    try { sessionStorage.setItem(place(form), JSON.stringify(said)); } catch { /* then it is gone */ }
  }

  function forget(form) {
    try { sessionStorage.removeItem(place(form)); } catch { /* nothing was kept */ }
  }

  // Puts back into a form what was typed into it before it was closed.
  function restore(form) {
    let said = null;
    try { said = JSON.parse(sessionStorage.getItem(place(form))); } catch { /* nothing was kept */ }
    if (!form || !said) return;
    for (const { name, value, checked, text } of said) {
      for (const input of written(form).filter((each) => each.name === name)) {
        if (input.type === "radio" || input.type === "checkbox") {
          if (input.value === value) input.checked = checked;
          continue;
        }
        if (input.matches("select") && ![...input.options].some((option) => option.value === value)) {
          input.append(new Option(text, value));
        }
        input.value = value;
        if (window.django?.jQuery && input.matches(".select2-hidden-accessible")) django.jQuery(input).trigger("change.select2");
      }
    }
    form.dispatchEvent(new Event("input", { bubbles: true }));
  }

  document.addEventListener("cancel", (event) => {
    const form = event.target.matches("dialog") && event.target.querySelector("form[method=post]:not(.gate)");
    if (form && dirty(form)) keep(form);
  }, true);
  document.addEventListener("submit", (event) => event.target.method === "post" && forget(event.target), true);
  document.addEventListener("click", (event) => {
    const form = event.target.closest("[data-closes]")?.closest("dialog")?.querySelector("form[method=post]");
    if (form) forget(form);
  }, true);

  Object.assign(window.hly, { dirty, incomplete, restore });
})();
