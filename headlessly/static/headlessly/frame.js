// The theme and the menu. Runs in the head, before the first paint, so that nothing jumps.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  // Stored under the names and in the format of Unfold's own script; a browser may refuse storage.
  const recall = (name) => {
    try { return JSON.parse(localStorage.getItem(name)); } catch { return null; }
  };
  const keep = (name, value) => {
    try { localStorage.setItem(name, JSON.stringify(value)); } catch { /* then it is kept for this page only */ }
  };

  let theme = recall("adminTheme") || "auto";
  const paint = () => {
    const dark = theme === "dark" || (theme === "auto" && system.matches);
    root.classList.toggle("dark", dark);
    root.classList.toggle("light", !dark);
  };
  paint();
  system.addEventListener("change", paint);
  // Prints on white paper, whatever the theme.
  addEventListener("beforeprint", () => {
    root.classList.remove("dark");
    root.classList.add("light");
  });
  addEventListener("afterprint", paint);
  root.classList.toggle("menu-away", recall("sidebarDesktopOpen") === 0);

  const drawer = matchMedia("(max-width: 1099px)");
  let opener = null;
  function open(yes) {
    root.classList.toggle("menu-open", yes);
    for (const button of document.querySelectorAll(".frame-header [data-menu]")) button.setAttribute("aria-expanded", yes);
    document.getElementById("main").inert = yes;
    if (yes) document.querySelector(".frame-places a[aria-current], .frame-places a").focus();
    else opener?.focus();
  }
  drawer.addEventListener("change", () => root.classList.contains("menu-open") && open(false));

  document.addEventListener("click", (event) => {
    const menu = event.target.closest("[data-menu]");
    if (menu) {
      const yes = !root.classList.contains("menu-open");
      if (yes) opener = menu;
      open(yes);
    } else if (event.target.closest("[data-menu-away]")) {
      keep("sidebarDesktopOpen", root.classList.toggle("menu-away") ? 0 : 1);
    } else if (root.classList.contains("menu-open") && !event.target.closest(".frame-menu")) {
      open(false);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && root.classList.contains("menu-open") && !event.target.closest("dialog")) open(false);
  });
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-theme]")) return;
    theme = event.target.value;
    keep("adminTheme", theme);
    if (window.Alpine) Alpine.$data(root).adminTheme = theme;
    paint();
  });
  // Sections beside a page are closed on a narrow screen.
  const narrow = matchMedia("(max-width: 1023px)");
  const tidy = () => {
    for (const each of document.querySelectorAll("[data-narrow-closed]")) each.open = !narrow.matches;
  };
  narrow.addEventListener("change", tidy);
  document.addEventListener("DOMContentLoaded", () => {
    tidy();
    // The labels of columns in the operator's lists on a phone begin with a capital.
    for (const cell of document.querySelectorAll("#result_list [data-label]")) {
      cell.dataset.label = cell.dataset.label.replace(/^./u, (first) => first.toLocaleUpperCase());
    }
    for (const choice of document.querySelectorAll("[data-theme]")) choice.checked = choice.value === theme;
    // Runs after the page's own scripts have changed it, so that it is laid out only once. Scrolls only the menu:
    // scrollIntoView would scroll the page, too.
    requestAnimationFrame(() => {
      const here = document.querySelector(".frame-places a[aria-current]"), menu = here?.closest(".frame-places");
      const below = here && here.getBoundingClientRect().bottom - menu.getBoundingClientRect().bottom;
      if (below > 0) menu.scrollTop += below + 8;
    });
  });
})();
