// Tells password managers which passkeys open the account and what its owner is called (Web Authentication Level 3,
// section 5.1.10). Safe though projects share an RP ID: every user has a handle of their own in each.
//
// What they are told is asked of the server at that moment. A list from a page that was opened some time ago would
// make them hide passkeys that were added since.
"use strict";

(async () => {
  const element = document.querySelector("[data-passkey-signals]");
  if (!element || !window.PublicKeyCredential) return;
  try {
    const response = await fetch(element.dataset.url, { cache: "no-store", redirect: "error" });
    if (!response.ok) return;
    const { rpId, userId, allAcceptedCredentialIds, name, displayName } = await response.json();
    if (element.dataset.passkeySignals === "accepted") {
      await PublicKeyCredential.signalAllAcceptedCredentials?.({ rpId, userId, allAcceptedCredentialIds });
    } else {
      await PublicKeyCredential.signalCurrentUserDetails?.({ rpId, userId, name, displayName });
    }
  } catch { /* it is only a courtesy: nothing depends on it */ }
})();
