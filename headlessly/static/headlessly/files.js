// A file that is dropped on the page of a record, or pasted there, is kept with it; with a dialog open, the dialog's
// input takes it. Elsewhere a drop does nothing: a browser would leave the page for the file, and what was typed with it.
(() => {
  const { load, warn, tellMade, Unsent } = window.hly;
  const dialog = () => [...document.querySelectorAll("dialog[open]")].at(-1);
  const link = () => !dialog() && document.querySelector("#hly [data-drops]");
  const input = () => dialog()?.querySelector("input[type=file]");
  const hasFiles = (transfer) => [...(transfer?.types || [])].includes("Files");
  const takesFiles = (target) => target.closest?.("input[type=file]");
  let shade = null;

  function show(text) {
    if (!shade) {
      shade = document.createElement("div");
      shade.className = "hly drop-shade";
      shade.setAttribute("role", "status");
      document.body.append(shade);
    }
    shade.textContent = text;
  }

  function hide() {
    shade?.remove();
    shade = null;
  }

  // As if it was chosen there.
  function choose(file, place) {
    const one = new DataTransfer();
    one.items.add(file);
    place.files = one.files;
    place.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // One after the other, each a request of its own, which Ctrl-Z takes back by itself. What is wrong with some is said
  // at the end, and does not stop the others.
  async function keep(files, place) {
    const { drops, sends, largest, tooLarge } = place.dataset;
    const url = new URL(place.href);
    const wrong = [], unsent = [];
    for (const file of files) {
      if (file.size > Number(largest)) {
        wrong.push(tooLarge.replace("%s", file.name));
        continue;
      }
      const body = new FormData();
      body.set("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]")?.value || "");
      for (const [name, value] of url.searchParams) body.set(name, value);
      body.set(drops, file);
      show(sends.replace("%s", file.name));
      try {
        const { answer, page } = await load(url.pathname, { method: "POST", body }, {});
        if (answer.redirected) {
          document.dispatchEvent(new Event("written"));
          tellMade(page);
        } else wrong.push(`${file.name}: ${page.querySelector(".wrong, [role=alert]")?.textContent.trim() || page.title}`);
      } catch (problem) {
        if (!(problem instanceof Unsent)) throw problem;
        wrong.push(`${file.name}: ${problem.message}`);
        unsent.push(file);
      }
    }
    hide();
    if (wrong.length) warn(wrong.join(" "), unsent.length ? () => keep(unsent, place) : undefined);
  }

  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event.dataTransfer) || takesFiles(event.target)) return;
    event.preventDefault();
    const place = link();
    event.dataTransfer.dropEffect = place || input() ? "copy" : "none";
    if (place) show(place.dataset.drop);
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) hide();
  });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event.dataTransfer) || takesFiles(event.target)) return;
    event.preventDefault();
    hide();
    const { files } = event.dataTransfer;
    if (input() && files.length) choose(files[0], input());
    else if (link()) keep([...files], link());
  });

  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files || [])];
    if (!files.length || !link() || event.target.closest?.("input, textarea, [contenteditable], dialog[open]")) return;
    event.preventDefault();
    keep(files, link());
  });
})();
