// Shows the progress of an import or an undo that runs. Choices that somebody is making meanwhile are left alone.
(() => {
  const part = (id) => document.getElementById(id);
  const put = (page, id) => part(id)?.replaceWith(document.adoptNode(page.getElementById(id)));
  let chosen = false;
  document.addEventListener("change", (event) => (chosen ||= !!event.target.closest("#import-choices")));

  async function poll() {
    if (!part("import")?.hasAttribute("data-polls")) return;
    try {
      const page = window.hly.parse(await (await window.hly.send(location.href)).text());
      if (!page.getElementById("import")) return location.reload();
      const held = part("import").contains(document.activeElement) && document.activeElement !== document.body;
      put(page, "import");
      if (held) part("import").querySelector("button, a")?.focus();
      put(page, "import-rows");
      if (!chosen && !part("import-mapping")?.contains(document.activeElement)) put(page, "import-mapping");
    } catch (problem) {
      if (problem instanceof window.hly.SignedOut) return;
      // The next request may succeed.
    }
    setTimeout(poll, 1000);
  }
  setTimeout(poll, 400);
})();
