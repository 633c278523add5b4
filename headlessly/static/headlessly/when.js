// Inputs for days and times that are typed in words: shows how the server understood them, and offers a calendar.
(() => {
  const { words } = window.hly;
  const begin = () => {
    for (const typed of document.querySelectorAll(".when:not(:has(button)) > [data-when]")) {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "btn plain", ariaLabel: words().day });
      const icon = Object.assign(document.createElement("span"), { className: "material-symbols-outlined", ariaHidden: "true", textContent: "calendar_month" });
      button.dataset.picks = "";
      button.append(icon);
      typed.after(button);
    }
  };
  document.addEventListener("DOMContentLoaded", begin);
  document.addEventListener("parts", begin);
  document.addEventListener("focusin", begin);

  // The day as the reader's language writes it; the server reads both forms.
  const written = (day) => (document.documentElement.lang.startsWith("de") ? day.split("-").reverse().join(".") : day);

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-picks]");
    if (!button) return;
    const typed = button.parentElement.querySelector("[data-when]");
    const calendar = document.createElement("input");
    calendar.type = "date";
    calendar.className = "calendar";
    calendar.tabIndex = -1;
    calendar.setAttribute("aria-hidden", "true");
    button.after(calendar);
    calendar.addEventListener("change", () => {
      const time = /\s(\d{1,2}:\d\d)$/.exec(typed.value);
      typed.value = written(calendar.value) + (time ? ` ${time[1]}` : "");
      typed.dispatchEvent(new Event("input", { bubbles: true }));
      understand(typed);
    });
    calendar.addEventListener("blur", () => calendar.remove());
    calendar.focus();
    try { calendar.showPicker(); } catch { /* without a calendar it can be typed */ }
  });

  function line(typed) {
    const place = typed.closest(".input, fieldset") || typed.closest("form");
    let said = place.querySelector(".understood");
    if (!said) {
      said = document.createElement("p");
      said.id = `${typed.id || typed.name}_understood`;
      said.setAttribute("role", "status");
      place.append(said);
      typed.setAttribute("aria-describedby", [typed.getAttribute("aria-describedby"), said.id].filter(Boolean).join(" "));
    }
    return said;
  }

  async function understand(typed) {
    const text = typed.value.trim();
    typed.removeAttribute("aria-invalid");
    if (!text || text === typed.defaultValue) return typed.closest(".input, fieldset, form")?.querySelector(".understood")?.remove();
    const answer = await fetch(`${words().when}?${new URLSearchParams({ text, past: typed.dataset.when })}`, { credentials: "same-origin", headers: { "X-Live": "1" } }).catch(() => null);
    if (!answer?.ok || typed.value.trim() !== text) return;
    const { understood, problem } = await answer.json();
    const said = line(typed);
    said.className = problem ? "wrong understood" : "help understood";
    said.textContent = understood || problem;
    typed.setAttribute("aria-invalid", Boolean(problem));
  }
  document.addEventListener("change", (event) => event.target.matches("[data-when]") && understand(event.target));
})();
