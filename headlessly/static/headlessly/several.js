// Several addresses or numbers, each in its own input. The original input holds all of them and is sent; without this
// script it is the only one.
(() => {
  const make = (tag, more = {}) => Object.assign(document.createElement(tag), more);

  function enhance(text) {
    const { between } = text.dataset;
    const { kind, one, add, remove, offers = [] } = JSON.parse(text.dataset.several);
    const read = () => text.value.split(between).map((each) => each.trim()).filter(Boolean);
    const place = make("div", { className: "several" });
    const list = make("ol");
    const words = offers.length ? window.hly.offered(offers) : { shown: (value) => value, meant: (value) => value };
    const known = words.list?.(`${text.id || text.name}_offers`);
    if (known) text.after(known);
    const adds = make("button", { type: "button", className: "btn plain", textContent: add });

    const write = () => {
      const all = [...list.querySelectorAll("input")].map((input) => words.meant(input.value.trim())).filter(Boolean);
      text.value = all.join(`${between} `);
      text.dispatchEvent(new Event("input", { bubbles: true }));
    };
    function row(value) {
      const item = make("li");
      const input = make("input", { type: kind, value: words.shown(value), className: text.className });
      input.setAttribute("aria-label", one);
      input.setAttribute("autocomplete", "off");
      if (known) input.setAttribute("list", known.id);
      input.addEventListener("input", (event) => { event.stopPropagation(); write(); });
      const drops = make("button", { type: "button", className: "btn plain", textContent: "×", title: remove });
      drops.setAttribute("aria-label", remove);
      drops.addEventListener("click", () => {
        const next = (item.nextElementSibling || item.previousElementSibling)?.querySelector("input");
        if (next) item.remove();
        else input.value = "";
        write();
        (next || input).focus();
      });
      item.append(input, drops);
      list.append(item);
      return input;
    }
    const draw = () => {
      list.replaceChildren();
      for (const value of read()) row(value);
      if (!list.children.length) row("");
    };
    adds.addEventListener("click", () => row("").focus());
    // A restored draft changes the original input: see drafts.js.
    text.form?.addEventListener("input", (event) => event.target === text.form && draw());
    place.append(list, adds);
    text.before(place);
    text.hidden = true;
    text.removeAttribute("data-several");
    draw();
  }

  const all = (page) => page.querySelectorAll("input[data-several]").forEach(enhance);
  for (const name of ["DOMContentLoaded", "rows"]) document.addEventListener(name, () => all(document));
  document.addEventListener("fresh", (event) => all(event.detail));
})();
