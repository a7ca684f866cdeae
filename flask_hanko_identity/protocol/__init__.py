"""OAuth 2.0, OpenID Connect and WebAuthn rules. No Flask here."""
