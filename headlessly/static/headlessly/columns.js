// Columns of a list can be dragged and resized. Their order is in the address, and so in a saved view; their widths
// are stored in the browser. By keyboard, Shift with an arrow moves a column.
(() => {
  const table = (place = document) => place.querySelector("table.list:not(.groups)");
  const heads = (place) => [...(table(place)?.querySelectorAll("thead th[data-wire]") || [])];
  const KEY = "columnWidths";
  const NARROWEST = 60; // px

  const widths = () => {
    try { return JSON.parse(localStorage.getItem(KEY)) || {}; } catch { return {}; }
  };
  const keep = (all) => {
    try { localStorage.setItem(KEY, JSON.stringify(all)); } catch { /* then it is kept for this page only */ }
  };
  const nameOf = (head) => `${location.pathname}:${head.dataset.wire}`;

  function widen(place, head, width) {
    const at = head.cellIndex;
    for (const row of table(place).rows) {
      const cell = row.cells[at];
      if (!cell) continue;
      for (const name of ["width", "minWidth", "maxWidth"]) cell.style[name] = width ? `${width}px` : "";
    }
  }

  function prepare(place) {
    const known = widths();
    for (const head of heads(place)) {
      if (known[nameOf(head)]) widen(place, head, known[nameOf(head)]);
      if (head.querySelector(".edge")) continue;
      if (head.cellIndex && head !== heads(place)[0]) head.draggable = true;
      const edge = document.createElement("span");
      edge.className = "edge";
      edge.setAttribute("aria-hidden", "true");
      head.append(edge);
    }
  }

  // -- whether all columns fit ----------------------------------------------------------------------

  const SHEET = ".sheet:has(> table.list)";
  const watched = new WeakSet();
  const OVERHANG = 4; // px by which the last edge overhangs
  function tell(sheet) {
    const left = sheet.scrollWidth - sheet.clientWidth - sheet.scrollLeft;
    sheet.classList.toggle("more", !sheet.classList.contains("fits") && left > OVERHANG);
    sheet.classList.toggle("moved", sheet.scrollLeft > 0);
  }
  function fit() {
    for (const sheet of document.querySelectorAll(SHEET)) {
      const list = sheet.querySelector("table.list");
      // Compares with the sheet's own width, which a scroll bar does not reduce.
      sheet.classList.toggle("fits", list.offsetWidth <= sheet.offsetWidth - sheet.clientLeft * 2);
      tell(sheet);
      if (!watched.has(sheet)) {
        watched.add(sheet);
        sizes.observe(sheet);
        sizes.observe(list);
        sheet.addEventListener("scroll", () => tell(sheet), { passive: true });
      }
    }
  }
  const sizes = new ResizeObserver(fit);

  document.addEventListener("DOMContentLoaded", () => {
    prepare(document);
    fit();
  });
  // A new list keeps the classes of the old one until it is measured, so that it stays where it is scrolled to.
  document.addEventListener("fresh", ({ detail }) => {
    prepare(detail);
    const [now, next] = [document.querySelector(SHEET), detail.querySelector(SHEET)];
    if (now && next) next.className = now.className;
  });
  document.addEventListener("parts", fit);

  // -- in which order -----------------------------------------------------------------------------

  function put(wire, beside, after) {
    const order = heads().slice(1).map((head) => head.dataset.wire);
    const rest = order.filter((each) => each !== wire);
    rest.splice(rest.indexOf(beside) + (after ? 1 : 0), 0, wire);
    if (rest.join() === order.join()) return null;
    const url = new URL(location.href);
    url.searchParams.set("columns", rest.join(","));
    return window.hly.visit(url.href.replaceAll("%2C", ","));
  }

  let dragged = null;
  document.addEventListener("dragstart", (event) => {
    const head = event.target.closest?.("th[draggable]");
    if (!head) return;
    dragged = head.dataset.wire;
    head.classList.add("held"); // keeps watch.js from renewing the list during the drag
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged);
  });
  const over = (event) => (dragged && event.target.closest?.("th[draggable]")) || null;
  const isAfter = (event, head) => event.clientX > head.getBoundingClientRect().left + head.offsetWidth / 2;
  const unmark = () => {
    for (const head of heads()) head.classList.remove("before", "after");
  };
  document.addEventListener("dragover", (event) => {
    const head = over(event);
    if (!head) return;
    event.preventDefault();
    unmark();
    head.classList.add(isAfter(event, head) ? "after" : "before");
  });
  document.addEventListener("drop", (event) => {
    const head = over(event);
    if (!head) return;
    event.preventDefault();
    put(dragged, head.dataset.wire, isAfter(event, head));
  });
  document.addEventListener("dragend", () => {
    dragged = null;
    for (const head of heads()) head.classList.remove("held");
    unmark();
  });
  document.addEventListener("keydown", async (event) => {
    const head = event.target.closest?.("th[draggable]");
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!head || !event.shiftKey || !step) return;
    const all = heads().slice(1);
    const beside = all[all.indexOf(head) + step];
    if (!beside) return;
    event.preventDefault();
    const { wire } = head.dataset;
    await put(wire, beside.dataset.wire, step > 0);
    document.querySelector(`th[data-wire="${CSS.escape(wire)}"] a`)?.focus();
  });

  // -- how wide -----------------------------------------------------------------------------------

  document.addEventListener("pointerdown", (event) => {
    const edge = event.target.closest?.("th .edge");
    if (!edge) return;
    event.preventDefault();
    const head = edge.closest("th");
    const [start, before] = [event.clientX, head.offsetWidth];
    const { draggable } = head;
    head.draggable = false;
    head.classList.add("held");
    let width = before;
    const move = (now) => widen(document, head, (width = Math.max(NARROWEST, before + now.clientX - start)));
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", () => {
      window.removeEventListener("pointermove", move);
      head.draggable = draggable;
      head.classList.remove("held");
      keep({ ...widths(), [nameOf(head)]: width });
    }, { once: true });
  });
  // A double click restores the natural width.
  document.addEventListener("dblclick", (event) => {
    const head = event.target.closest?.("th .edge")?.closest("th");
    if (!head) return;
    const all = widths();
    delete all[nameOf(head)];
    keep(all);
    widen(document, head, 0);
  });
  document.addEventListener("click", (event) => event.target.closest?.("th .edge") && event.preventDefault(), true);
})();
