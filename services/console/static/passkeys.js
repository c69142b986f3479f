// A button that has the device make or show a passkey, and sends its form with the answer.

for (const button of document.querySelectorAll("[data-passkey]")) {
  const form = button.form;
  const failed = form.querySelector("[data-passkey-failed]");
  button.hidden = !window.PublicKeyCredential?.parseRequestOptionsFromJSON;
  button.addEventListener("click", async () => {
    failed.hidden = true;
    if ("name" in form.elements && !form.reportValidity()) return;
    try {
      const { step, options } = await ask(button.dataset.passkey, form);
      const answer = await shown(JSON.parse(options), "create" in button.dataset);
      form.elements.step.value = step;
      form.elements.answer.value = JSON.stringify(answer.toJSON());
      if (button.dataset.action) form.action = button.dataset.action;
      form.submit();
    } catch {
      failed.hidden = false;
    }
  });
}

async function ask(address, form) {
  const headers = { "Fairlead-Csrf": form.elements.csrf?.value ?? "" };
  const answer = await fetch(address, { method: "POST", headers, body: new URLSearchParams() });
  if (answer.status === 403) location.assign(`/prove?next=${encodeURIComponent(location.pathname)}`);
  if (!answer.ok) throw new Error(answer.status);
  return answer.json();
}

function shown(options, isNew) {
  return isNew
    ? navigator.credentials.create({
        publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options),
      })
    : navigator.credentials.get({
        publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
      });
}
