// A passkey made or shown: what the server asks is handed to the browser, and its answer sent with the form.
addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("[data-passkey]");
  const asked = JSON.parse(document.getElementById("passkey-options").textContent);
  const problem = form.querySelector("[data-problem]");

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

  async function answer() {
    const options = { ...asked.publicKey, challenge: bytes(asked.publicKey.challenge) };
    if (form.dataset.passkey === "add") {
      options.user = { ...options.user, id: bytes(options.user.id) };
      options.excludeCredentials = known(options.excludeCredentials);
      return navigator.credentials.create({ publicKey: options });
    }
    options.allowCredentials = known(options.allowCredentials);
    return navigator.credentials.get({ publicKey: options });
  }

  form.addEventListener("submit", async (event) => {
    if (form.elements.passkey.value) return;
    event.preventDefault();
    try {
      const given = await answer();
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
      form.submit();
    } catch {
      problem.textContent = problem.dataset.problem;
      problem.hidden = false;
    }
  });
});
