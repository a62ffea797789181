// Passkeys: the one thing on these pages that needs a script. Everything else is links and forms.
"use strict";

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const failed = form.querySelector("[data-failed]");
  const button = form.querySelector("button[type=submit]");
  const making = form.dataset.passkey === "create";
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    failed.hidden = true;
    button.disabled = true;
    try {
      const options = JSON.parse(form.dataset.options);
      if (making) {
        options.user.name = options.user.displayName = form.elements.person.value;
      }
      const publicKey = making
        ? PublicKeyCredential.parseCreationOptionsFromJSON(options)
        : PublicKeyCredential.parseRequestOptionsFromJSON(options);
      const answer = making
        ? await navigator.credentials.create({ publicKey })
        : await navigator.credentials.get({ publicKey });
      form.elements.assertion.value = JSON.stringify(answer.toJSON());
      form.submit();
    } catch (problem) {
      failed.querySelector("[data-problem]").textContent = problem.name;
      failed.hidden = false;
      failed.focus();
      button.disabled = false;
    }
  });
}
