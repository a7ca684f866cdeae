// Passkey ceremonies (Web Authentication Level 3).
//
// A page has one form with data-ceremony="login", "signup" or "add", and its texts in #passkey-texts. The buttons that
// start the ceremony have a data-label.
// Browsers allow one pending request: `exclusively` aborts the one before and waits until it is gone.
"use strict";

(() => {
  const form = document.querySelector("form[data-ceremony]");
  if (!form) return;

  const texts = JSON.parse(document.getElementById("passkey-texts").textContent);
  const buttons = form.querySelectorAll("button[data-label]");
  const message = document.getElementById("passkey-message");
  const origins = form.dataset.origins.split(" ");
  const AUTOFILL_LIFETIME = 4 * 60 * 1000; // the server's challenge lives five minutes
  const TOO_SOON = 2000; // an autofill that ends sooner had nothing to offer
  const MOST_RESTARTS = 10;

  let controller = null;
  let finished = Promise.resolve();
  let leaving = false;
  let pressed = buttons[0];
  let restarts = 0;

  function exclusively(task) {
    controller?.abort();
    const mine = (controller = new AbortController());
    const running = finished.then(() => {
      if (leaving || mine.signal.aborted) throw new DOMException("Superseded", "AbortError");
      return task(mine.signal);
    });
    finished = running.then(() => {}, () => {});
    return running;
  }

  // One complete ceremony each

  async function signIn(signal, mediation) {
    const { ceremony, publicKey } = await post(form.dataset.optionsUrl, {}, signal);
    const credential = await navigator.credentials.get({
      publicKey: requestOptions(publicKey), signal, ...(mediation && { mediation }),
    });
    setWorking(true);
    try {
      await finish(ceremony, credential);
    } catch (error) {
      // Projects share an RP ID: only what this one has removed may be forgotten, not what it does not know.
      const gone = { rpId: publicKey.rpId, credentialId: credential.id };
      if (error.isGone) PublicKeyCredential.signalUnknownCredential?.(gone).catch(() => {});
      throw error;
    }
  }

  async function signUp(signal) {
    const { email, invitation } = form.dataset;
    const typed = form.elements.email.value.trim();
    const body = { email: email || typed, ...(invitation && { invitation }) };
    const { ceremony, publicKey } = await post(form.dataset.optionsUrl, body, signal);
    const credential = await navigator.credentials.create({ publicKey: creationOptions(publicKey), signal });
    await finish(ceremony, credential);
  }

  async function add(signal) {
    const { ceremony, publicKey } = await post(form.dataset.optionsUrl, { place: pressed.value }, signal);
    const credential = await navigator.credentials.create({ publicKey: creationOptions(publicKey), signal });
    await finish(ceremony, credential);
  }

  async function finish(ceremony, credential) {
    // Not to be aborted: once it is sent, the server may have done it.
    const { request, next } = form.dataset;
    const body = { ceremony, credential: toJSON(credential), request, ...(next && { next }) };
    const answer = await post(form.dataset.finishUrl, body).catch((error) => {
      throw Object.assign(error, { atFinish: true });
    });
    leaving = true;
    location.assign(answer.location);
  }

  // What the page does with them

  async function onSubmit(event) {
    if (event.submitter?.hasAttribute("formaction")) return; // another way to sign in, without a passkey
    event.preventDefault();
    const isSignUp = form.dataset.ceremony === "signup";
    if (isSignUp && !form.elements.email.checkValidity()) {
      form.elements.email.setAttribute("aria-invalid", "true");
      form.elements.email.focus();
      return say(texts.email);
    }
    form.elements.email?.removeAttribute("aria-invalid");
    pressed = event.submitter?.dataset.label ? event.submitter : buttons[0];
    setWorking(true);
    say("");
    try {
      await exclusively({ login: (signal) => signIn(signal), signup: signUp, add }[form.dataset.ceremony]);
    } catch (error) {
      if (error.needsSignIn && form.dataset.again) {
        leaving = true;
        return location.assign(form.dataset.again);
      }
      say(explain(error));
      autofill();
    } finally {
      if (!leaving) setWorking(false);
    }
  }

  async function autofill() {
    if (form.dataset.autofill !== "on" || leaving) return;
    if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
    const started = performance.now();
    let renewal;
    try {
      await exclusively((signal) => {
        renewal = setTimeout(autofill, AUTOFILL_LIFETIME);
        return signIn(signal, "conditional");
      });
    } catch (error) {
      if (error.name === "AbortError") return; // somebody else has the turn
      if (error.status) say(error.message);
      const used = error.atFinish || (error.name === "NotAllowedError" && performance.now() - started > TOO_SOON);
      if (used && restarts++ < MOST_RESTARTS) setTimeout(autofill, TOO_SOON);
    } finally {
      clearTimeout(renewal);
      if (!leaving) setWorking(false);
    }
  }

  function explain(error) {
    if (error.status) return error.message; // the server's own words
    switch (error.name) {
      case "AbortError": return "";
      case "NotAllowedError": return texts[form.dataset.ceremony + "_cancelled"];
      case "InvalidStateError": return texts[form.dataset.ceremony + "_registered"] || texts.registered;
      case "SecurityError": return fill(texts.refused);
      case "NotSupportedError":
      case "ConstraintError": return texts.unable;
      case "TypeError": return error.offline ? texts.offline : texts.failed;
      default: return texts.failed;
    }
  }

  function say(text) {
    message.textContent = text;
    message.classList.toggle("hk-hidden", !text);
  }

  function setWorking(working) {
    for (const button of buttons) {
      const waits = working && button === pressed;
      button.disabled = working;
      button.setAttribute("aria-busy", String(waits));
      button.textContent = waits ? texts.working : button.dataset.label;
    }
  }

  const fill = (text) => text.replaceAll("{here}", location.origin).replaceAll("{there}", origins[0]);

  async function post(url, body, signal) {
    let response;
    try {
      response = await fetch(url, {
        method: "POST", body: JSON.stringify(body), signal, cache: "no-store", redirect: "error",
        headers: { "Content-Type": "application/json", "X-CSRFToken": form.dataset.csrf },
      });
    } catch (error) {
      if (error.name === "TypeError") error.offline = true;
      throw error;
    }
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    const refusal = new Error(answer.message || answer.error_description || texts.failed);
    refusal.status = response.status;
    refusal.isGone = answer.is_gone;
    // Later than this, the person has made a passkey and is to be told that it was not kept.
    refusal.needsSignIn = url === form.dataset.optionsUrl && ["StepUpRequired", "login_required"].includes(answer.error);
    throw refusal;
  }

  // JSON and back, for browsers and password managers that cannot do it themselves

  const bytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) =>
    btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
      .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const named = (list) => (list || []).map((each) => ({ ...each, id: bytes(each.id) }));

  function requestOptions(json) {
    if (PublicKeyCredential.parseRequestOptionsFromJSON) {
      return PublicKeyCredential.parseRequestOptionsFromJSON(json);
    }
    return { ...json, challenge: bytes(json.challenge), allowCredentials: named(json.allowCredentials) };
  }

  function creationOptions(json) {
    if (PublicKeyCredential.parseCreationOptionsFromJSON) {
      return PublicKeyCredential.parseCreationOptionsFromJSON(json);
    }
    return {
      ...json,
      challenge: bytes(json.challenge),
      user: { ...json.user, id: bytes(json.user.id) },
      excludeCredentials: named(json.excludeCredentials),
    };
  }

  function toJSON(credential) {
    try {
      const json = credential.toJSON();
      if (json?.response?.clientDataJSON) return json;
    } catch { /* some password managers hand out objects without it */ }
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = text(credential.response[name]);
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    const id = text(credential.rawId);
    return {
      id, rawId: id, type: credential.type, response,
      clientExtensionResults: credential.getClientExtensionResults?.() ?? {},
    };
  }

  // Start

  if (!origins.includes(location.origin)) return say(fill(texts.elsewhere));
  if (!window.isSecureContext) return say(fill(texts.insecure));
  if (!window.PublicKeyCredential) return say(texts.unsupported);
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
  form.addEventListener("submit", onSubmit);
  setWorking(false);
  autofill();
})();
