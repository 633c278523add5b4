// Asks before a page with unsaved input is left, and refuses incomplete dates.
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

  // Refused input is not saved either, although the server returned it as it was typed.
  const dirty = (form) => Boolean(form.querySelector(".wrong")) || [...form.elements].some(changed);

  // Whether leaving the page would lose input that is not being sent.
  const losesTyped = () =>
    [...document.querySelectorAll(".hly form[method=post]")].some(
      (form) => !form.dataset.sent && !form.matches("#selection, .gate") && !form.closest("dialog:not([open])") && dirty(form),
    );
  window.addEventListener("beforeunload", (event) => losesTyped() && event.preventDefault());

  // -- incomplete dates -----------------------------------------------------------------------------

  // A browser sends an incomplete date as an empty one; instead the form is not sent, and says so.
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

  Object.assign(window.hly, { dirty, incomplete, losesTyped });
})();
