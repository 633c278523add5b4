// Lists the keys of a page when somebody presses "?".
(() => {
  function show() {
    const dialog = document.getElementById("keys");
    if (!dialog || dialog.open) return;
    const list = dialog.querySelector("dl");
    list.replaceChildren();
    const row = (key, does) => {
      const term = document.createElement("dt");
      const keycap = document.createElement("kbd");
      const what = document.createElement("dd");
      keycap.textContent = key;
      term.append(keycap);
      what.textContent = does;
      list.append(term, what);
    };
    for (const each of document.querySelectorAll("[data-key]")) {
      row(each.dataset.key, (each.getAttribute("aria-label") || each.textContent).replace("+", "").trim());
    }
    const add = document.querySelector(".quick-opener");
    if (add && !document.querySelector('#hly [data-key="c"]')) row("c", add.ariaLabel);
    // Keys without a button: moving through rows and cards.
    for (const more of document.querySelectorAll("template[data-keys-more]")) list.append(more.content.cloneNode(true));
    const search = document.querySelector("[data-search]")?.dataset.search || document.querySelector(".hly form.facets input[type=search]")?.ariaLabel;
    if (search) row("/", search);
    const palette = document.querySelector("[data-palette]");
    if (palette) row(palette.querySelector("kbd").textContent, palette.ariaLabel);
    const undo = document.querySelector("template[data-undo-form]");
    for (const [at, button] of [...(undo?.content.querySelectorAll("button") || [])].entries()) row(at ? list.dataset.keysRedo : list.dataset.keysUndo, button.textContent);
    row("?", list.dataset.keysHelp);
    dialog.showModal();
  }

  document.addEventListener("click", (event) => event.target.closest("[data-keys]") && show());
  document.addEventListener("keydown", (event) => {
    const busy = event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable], dialog[open], .select2-container");
    if (event.key !== "?" || busy || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    show();
  });
})();
