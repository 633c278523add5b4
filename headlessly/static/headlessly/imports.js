// An import that is at work shows how far it is; another kind of records has other columns.
(() => {
  const part = () => document.getElementById("import");
  async function poll() {
    if (!part()?.hasAttribute("data-polls")) return;
    try {
      const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
      const fresh = page.getElementById("import");
      if (!fresh) return location.reload();
      const held = part().contains(document.activeElement) && document.activeElement !== document.body;
      part().replaceWith(document.adoptNode(fresh));
      if (held) part().querySelector("button, a")?.focus();
    } catch {
      // The next one may arrive.
    }
    setTimeout(poll, 1000);
  }
  setTimeout(poll, 400);

  document.querySelector("[data-goes]")?.addEventListener("change", (event) => {
    const file = document.getElementById("import-file");
    if (!file.files.length) location.assign(event.target.dataset.goes + encodeURIComponent(event.target.value));
  });
})();
