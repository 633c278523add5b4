// The page for trying the API: Swagger UI with the tenant's own document, all of it from this site.
const place = document.getElementById("docs");

// Light or dark as chosen in the workplace, else as the system prefers.
const night = matchMedia("(prefers-color-scheme: dark)");
function followTheme() {
  const chosen = (localStorage.getItem("adminTheme") ?? "").replaceAll('"', "");
  const dark = chosen === "dark" || (chosen !== "light" && night.matches);
  document.documentElement.classList.toggle("dark-mode", dark);
  document.documentElement.style.colorScheme = dark ? "dark" : "light";
}
followTheme();
night.addEventListener("change", followTheme);
addEventListener("storage", followTheme);

// A signed-in browser sends its CSRF token; an API key, given under Authorize, needs none.
function withToken(request) {
  const cookie = document.cookie.split("; ").find((each) => each.startsWith("csrftoken="));
  const own = new URL(request.url, location.href).origin === location.origin;
  if (cookie && own && !request.headers["X-CSRFToken"]) {
    request.headers["X-CSRFToken"] = cookie.slice("csrftoken=".length);
  }
  return request;
}

// Swagger UI leaves its selects without a name; this adds one.
new MutationObserver(() => {
  for (const select of place.querySelectorAll("select:not([aria-label])")) {
    const beside = select.closest("label, td, tr")?.querySelector(".servers-title, .parameter__name")?.textContent;
    select.setAttribute("aria-label", beside || (select.id === "servers" ? "Server" : "Choose"));
  }
}).observe(place, { childList: true, subtree: true });

// The part of the document at `path` and all that it refers to. Swagger UI parses the whole document again for each
// operation that is opened, and once at the start, which takes seconds each time.
function needed(document, path) {
  const part = { ...document, paths: {}, webhooks: {}, components: {} };
  const take = ([room, kind, name]) => {
    const [from, to, key] =
      room === "components" && name !== undefined
        ? [document.components[kind], (part.components[kind] ??= {}), name]
        : [document[room], part[room], kind];
    if (key in to || from?.[key] === undefined) return;
    to[key] = from[key];
    JSON.stringify(to[key], (_, value) => {
      if (typeof value?.$ref === "string" && value.$ref.startsWith("#/")) take(value.$ref.slice(2).split("/"));
      return value;
    });
  };
  take(path);
  return part;
}
const readNeeded = ({ fn }) => {
  const { resolveSubtree } = fn;
  return { fn: { resolveSubtree: (document, path, ...how) => resolveSubtree(needed(document, path), path, ...how) } };
};

SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  displayOperationId: true,
  filter: true,
  validatorUrl: null, // it would send the document elsewhere
  requestInterceptor: withToken,
  plugins: [readNeeded],
});
