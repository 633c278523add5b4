// Creates or uses a passkey: hands the server's challenge to the browser, and sends its answer with the form. The
// form is on a page of its own or in the dialog for signing in.
(() => {
  const bytes = (text) => {
    const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
  };
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
  const known = (found) => (found || []).map((one) => ({ ...one, id: bytes(one.id) }));

  async function answer(form) {
    const asked = JSON.parse(form.querySelector("script[type='application/json']").textContent);
    const options = { ...asked.publicKey, challenge: bytes(asked.publicKey.challenge) };
    if (form.dataset.passkey === "add") {
      options.user = { ...options.user, id: bytes(options.user.id) };
      options.excludeCredentials = known(options.excludeCredentials);
      return navigator.credentials.create({ publicKey: options });
    }
    options.allowCredentials = known(options.allowCredentials);
    return navigator.credentials.get({ publicKey: options });
  }

  window.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("[data-passkey]") || form.elements.passkey.value) return;
    // No other script sends the form before there is an answer.
    event.preventDefault();
    event.stopImmediatePropagation();
    if (form.dataset.asking) return;
    form.dataset.asking = "1";
    const problem = form.querySelector("[data-problem]");
    try {
      const given = await answer(form);
      const response = {};
      for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
        if (given.response[name]) response[name] = text(given.response[name]);
      }
      form.elements.passkey.value = JSON.stringify({
        id: given.id,
        rawId: text(given.rawId),
        type: given.type,
        response,
        clientExtensionResults: given.getClientExtensionResults(),
      });
      form.requestSubmit();
    } catch {
      problem.textContent = problem.dataset.problem;
      problem.hidden = false;
    } finally {
      delete form.dataset.asking;
    }
  }, true);
})();
