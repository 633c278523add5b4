// Sends requests without leaving the page. Typed input survives an ended session and a lost connection.
window.hly = (() => {
  const words = () => document.getElementById("sending")?.dataset || {};
  const parse = (html) => new DOMParser().parseFromString(html, "text/html");

  // A request did not reach the server; the message is shown beside it.
  class Unsent extends Error {}
  class SignedOut extends Unsent {}

  // Whether all files can be read: a folder cannot, nor what was changed or deleted since it was chosen.
  const isReadable = (body) =>
    Promise.all([...(body || [])].map(([, value]) => value instanceof File && value.slice(0, 1).arrayBuffer())).then(() => true, () => false);

  // Like fetch, but somebody who is signed out first signs in over the page. Throws Unsent if that or the connection
  // fails, and like fetch if it is aborted.
  async function send(url, options = {}, again = false) {
    let answer;
    try {
      answer = await fetch(url, { credentials: "same-origin", ...options, headers: { "X-Live": "1", ...options.headers } });
    } catch (problem) {
      if (options.signal?.aborted) throw problem;
      throw new Unsent((await isReadable(options.body)) ? words().offline : words().noFile);
    }
    const address = answer.headers.get("X-Sign-In");
    if (address) {
      if (!(await signIn(address))) throw new SignedOut(words().signedOut);
    } else if (answer.headers.has("X-Stale-Token") && !again) {
      // After signing in again in another window the token of this page is invalid.
      const page = await send(location.href, {}, true);
      renew(parse(await page.text()));
    } else return answer;
    const token = document.querySelector("[name=csrfmiddlewaretoken]")?.value;
    if (token && options.body instanceof FormData) options.body.set("csrfmiddlewaretoken", token);
    return send(url, options, true);
  }

  // -- one queue of what is written ---------------------------------------------------------------

  // An idempotency key for each request, kept until it is answered: sent again, it is executed once. A request with
  // other content gets a new key.
  const keys = new WeakMap();
  const random = () => [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");
  const sayable = (url, body) =>
    JSON.stringify([new URL(url, location.href).pathname, ...[...(body || [])].filter(([name]) => name !== "csrfmiddlewaretoken").map(([name, value]) => [name, value instanceof File ? `${value.name} ${value.size} ${value.lastModified}` : value])]);
  // What is sent may say more than its form holds, such as which button was pressed.
  const heldBy = (place) => (place.matches?.("form") ? sayable(place.action, new FormData(place)) : undefined);
  function keyOf(place, url, body) {
    const said = sayable(url, body);
    if (keys.get(place)?.said !== said) keys.set(place, { key: random(), said, held: heldBy(place) });
    return keys.get(place).key;
  }
  // The request of a form that is not answered yet; and a way to give it to a form that was created anew.
  const sentWith = (form) => keys.get(form);
  const recall = (form, sent) => sent && keys.set(form, sent);
  // The same as long as the form still holds what was sent: after more typing it is another request.
  const sentUnchanged = (form) => (sentWith(form)?.held === heldBy(form) ? sentWith(form) : undefined);

  // Whether a request arrived although its answer did not. Throws if the server cannot be asked.
  async function arrived(key) {
    const answer = await fetch(`${words().sent}${key}/`, { credentials: "same-origin", headers: { "X-Live": "1" } });
    if (!answer.ok || answer.headers.has("X-Sign-In")) throw new Unsent(words().offline);
    return (await answer.json()).arrived;
  }

  // Like send, but requests run one after the other, in order. ``place`` is the form, or another element that asks.
  let last = Promise.resolve();
  let counted = 0;
  // A number that changes with each request and answer: data that was read before it changed is outdated.
  const written = () => counted;
  function write(place, url, options) {
    const headers = { ...options.headers, "Idempotency-Key": keyOf(place, url, options.body) };
    if (place.matches?.("form")) place.dispatchEvent(new Event("sending", { bubbles: true }));
    counted += 1;
    const asked = last.then(() => send(url, { method: "POST", ...options, headers })).then((answer) => (keys.delete(place), answer)).finally(() => (counted += 1));
    last = asked.catch(() => {});
    return asked;
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
    // Already signed in, in another window.
    if (!page.querySelector("form.gate")) return renew(page), true;
    return new Promise((done) => {
      const place = document.createElement("div");
      place.className = "hly";
      const dialog = document.createElement("dialog");
      dialog.className = "sign-in";
      dialog.setAttribute("aria-label", words().signIn);
      let inside = false;
      // A second factor has another address.
      const show = (page, address) => {
        const said = document.createElement("p");
        said.className = "gap";
        said.textContent = words().ended;
        const cancel = document.createElement("button");
        Object.assign(cancel, { type: "button", className: "btn plain", textContent: words().cancel });
        cancel.addEventListener("click", () => dialog.close());
        const forms = [...page.querySelectorAll("form.gate")].map((form) => document.adoptNode(form));
        for (const form of forms) form.action = address;
        const wrong = page.querySelector(".notice.bad");
        forms.at(-1).append(cancel);
        dialog.replaceChildren(said, ...(wrong ? [document.adoptNode(wrong)] : []), ...forms);
        const [name, password] = forms.at(-1).querySelectorAll("input:not([type=hidden])");
        (dialog.querySelector("[autofocus]") || (name.value && password ? password : name)).focus();
      };
      dialog.addEventListener("submit", async (event) => {
        event.preventDefault();
        event.stopPropagation();
        const button = event.target.querySelector("[type=submit]");
        if (button.disabled) return;
        button.disabled = true;
        const body = new FormData(event.target);
        const answer = await fetch(event.target.action, { method: "POST", body, credentials: "same-origin" }).catch(() => null);
        button.disabled = false;
        if (!answer) return tell(event.target, words().offline);
        const next = parse(await answer.text());
        if (next.querySelector("form.gate")) return show(next, answer.url);
        renew(next);
        inside = answer.ok;
        dialog.close();
      });
      dialog.addEventListener("close", () => {
        place.remove();
        done(inside);
      });
      // A list of choices closes on a click beside it; the dialog is over it, and it must stay open.
      place.addEventListener("mousedown", (event) => event.stopPropagation());
      place.append(dialog);
      document.body.append(place);
      dialog.showModal();
      show(page, first.url);
    });
  }

  // Shows beside a form why it was not sent, and offers to send it again. Without a connection it is sent when that
  // returns.
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
    const once = () => {
      if (!place.isConnected) return;
      place.remove();
      again();
    };
    if (text === words().offline) {
      place.append(" ", words().waits);
      // A form that was closed meanwhile is not sent unseen: only its result is asked for.
      const retry = () => (place.checkVisibility() ? once() : form.dispatchEvent(new Event("putaway", { bubbles: true })));
      window.addEventListener("online", retry, { once: true });
      // The browser may be wrong about its connection: the server is asked, too.
      const ask = setInterval(() => {
        if (!place.isConnected) return clearInterval(ask);
        fetch(words().session, { method: "HEAD", credentials: "same-origin" }).then(retry, () => {});
      }, 5000);
    }
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "btn small", textContent: words().again });
    button.addEventListener("click", once);
    place.append(" ", button);
  }

  // -- forms that lead to another page ------------------------------------------------------------

  // Before such a form leaves the page, the session is checked, so that input is not lost.
  const arriving = new WeakSet();
  window.addEventListener("submit", async (event) => {
    const { target: form, submitter } = event;
    if (event.defaultPrevented || form.method !== "post" || !words().session || form.matches("#logout-form")) return;
    if (arriving.delete(form)) return;
    event.preventDefault();
    form.querySelector(":scope > .unsent")?.remove();
    const body = new FormData();
    body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken?.value || "");
    try {
      await send(words().session, { method: "POST", body });
    } catch (problem) {
      delete form.dataset.sent;
      if (!(problem instanceof Unsent)) throw problem;
      return tell(form, problem.message, () => form.requestSubmit(submitter));
    }
    delete form.dataset.sent;
    arriving.add(form);
    form.requestSubmit(submitter);
    // If another script handled it, or the browser refused it, it was not sent.
    arriving.delete(form);
  });

  return { send, write, written, sentWith, sentUnchanged, recall, arrived, tell, parse, words, Unsent, SignedOut };
})();
