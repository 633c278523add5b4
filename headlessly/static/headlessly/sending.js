// What is sent without leaving the page: what was typed outlives an ended session and a lost connection.
window.hly = (() => {
  const words = () => document.getElementById("sending")?.dataset || {};
  const parse = (html) => new DOMParser().parseFromString(html, "text/html");

  // Why something did not reach the server, in words to show beside it.
  class Unsent extends Error {}

  // As fetch; whoever is signed out signs in over the page first. Throws Unsent where that or the line fails.
  async function send(url, options = {}, again = false) {
    let answer;
    try {
      answer = await fetch(url, { credentials: "same-origin", ...options, headers: { "X-Live": "1", ...options.headers } });
    } catch {
      throw new Unsent(words().offline);
    }
    const address = answer.headers.get("X-Sign-In");
    if (address) {
      if (!(await signIn(address))) throw new Unsent(words().signedOut);
    } else if (answer.headers.has("X-Stale-Token") && !again) {
      // Signed in anew in another window: what this page holds is known no more.
      const page = await send(location.href, {}, true);
      renew(parse(await page.text()));
    } else return answer;
    const token = document.querySelector("[name=csrfmiddlewaretoken]")?.value;
    if (token && options.body instanceof FormData) options.body.set("csrfmiddlewaretoken", token);
    return send(url, options, true);
  }

  function renew(page) {
    const token = page.querySelector("[name=csrfmiddlewaretoken]")?.value;
    if (!token) return;
    for (const input of document.querySelectorAll("[name=csrfmiddlewaretoken]")) input.value = input.defaultValue = token;
  }

  let signing = null;
  const signIn = (address) => (signing ||= signInOver(address).finally(() => (signing = null)));

  async function signInOver(address) {
    const url = new URL(address, location.href);
    url.searchParams.set("next", location.pathname + location.search);
    const first = await fetch(url, { credentials: "same-origin" }).catch(() => null);
    if (!first) throw new Unsent(words().offline);
    const page = parse(await first.text());
    // Signed in meanwhile, elsewhere.
    if (!page.querySelector("form.gate")) return renew(page), true;
    return new Promise((done) => {
      const place = document.createElement("div");
      place.className = "hly";
      const dialog = document.createElement("dialog");
      dialog.className = "sign-in";
      dialog.setAttribute("aria-label", words().signIn);
      let inside = false;
      const show = (page) => {
        const said = document.createElement("p");
        said.className = "gap";
        said.textContent = words().ended;
        const cancel = document.createElement("button");
        Object.assign(cancel, { type: "button", className: "btn plain", textContent: words().cancel });
        cancel.addEventListener("click", () => dialog.close());
        const form = document.adoptNode(page.querySelector("form.gate"));
        const wrong = page.querySelector(".notice.bad");
        form.append(cancel);
        dialog.replaceChildren(said, ...(wrong ? [document.adoptNode(wrong)] : []), form);
        (form.querySelector("input[type=password]:placeholder-shown") && form.querySelector("input[type=email]").value
          ? form.querySelector("input[type=password]")
          : form.querySelector("input:not([type=hidden])")
        ).focus();
      };
      dialog.addEventListener("submit", async (event) => {
        event.preventDefault();
        event.stopPropagation();
        const button = event.target.querySelector("[type=submit]");
        if (button.disabled) return;
        button.disabled = true;
        const body = new FormData(event.target);
        const answer = await fetch(url, { method: "POST", body, credentials: "same-origin" }).catch(() => null);
        button.disabled = false;
        if (!answer) return tell(event.target, words().offline);
        const next = parse(await answer.text());
        if (next.querySelector("form.gate")) return show(next);
        renew(next);
        inside = answer.ok;
        dialog.close();
      });
      dialog.addEventListener("close", () => {
        place.remove();
        done(inside);
      });
      place.append(dialog);
      document.body.append(place);
      dialog.showModal();
      show(page);
    });
  }

  // Says beside a form why it was not sent, and offers to send it again.
  function tell(form, text, again) {
    let place = form.querySelector(":scope > .unsent");
    if (!place) {
      place = document.createElement("p");
      place.className = "wrong unsent";
      place.setAttribute("role", "alert");
      form.append(place);
    }
    place.textContent = text;
    if (!again) return;
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "btn small", textContent: words().again });
    button.addEventListener("click", () => {
      place.remove();
      again();
    });
    place.append(" ", button);
  }

  // -- what is typed and not saved ------------------------------------------------------------------

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

  // What was refused is not saved either, though it came back from the server as it was typed.
  const dirty = (form) => Boolean(form.querySelector(".wrong")) || [...form.elements].some(changed);

  window.addEventListener("beforeunload", (event) => {
    for (const form of document.querySelectorAll(".hly form[method=post]")) {
      if (form.dataset.sent || form.matches("#selection, .gate") || form.closest("dialog:not([open])")) continue;
      if (dirty(form)) return event.preventDefault();
    }
  });

  // -- half a date ----------------------------------------------------------------------------------

  // A browser sends half a date as none at all: it is said, and nothing is sent.
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

  return { send, tell, dirty, incomplete, parse, words, Unsent };
})();
