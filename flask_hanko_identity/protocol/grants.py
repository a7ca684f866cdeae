"""The grants of the token endpoint, on Authlib's grant classes and our storage."""

import re
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError
from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc6749 import InvalidScopeError
from authlib.oauth2.rfc6749.grants import BaseGrant
from authlib.oauth2.rfc6749.grants import TokenEndpointMixin
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from .. import crypto
from ..storage.snapshots import ClientSnapshot
from . import families
from . import scopes
from .client_authentication import authenticate_client
from .realm import MachineRequest
from .realm import Realm
from .tokens import Grant
from .tokens import issue
from .tokens import may_refresh

# RFC 7636, section 4.1.
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class _Grant(BaseGrant, TokenEndpointMixin):
    """Authlib calls ``validate_token_request`` and then ``create_token_response``."""

    request: Any

    @property
    def realm(self) -> Realm:
        realm: Realm = self.server.realm
        return realm

    @property
    def form(self) -> Any:
        machine: MachineRequest = self.request.machine
        return machine.form

    def authenticate(self) -> ClientSnapshot:
        client = authenticate_client(self.realm, self.request.machine)
        self.request.client = client
        return client


class AuthorizationCodeGrant(_Grant):
    """RFC 6749, section 4.1.3, with PKCE."""

    GRANT_TYPE = "authorization_code"

    def validate_token_request(self) -> None:
        client = self.authenticate()
        code = self.form.get("code")
        redirect_uri = self.form.get("redirect_uri")
        if code is None or redirect_uri is None:
            raise InvalidRequestError("The parameters code and redirect_uri are required.")
        self._claim(client, code, redirect_uri, self._challenge())

    def _challenge(self) -> str | None:
        verifier = self.form.get("code_verifier")
        if verifier is None:
            return None
        if not _VERIFIER.fullmatch(verifier):
            raise InvalidRequestError("code_verifier must be 43 to 128 unreserved characters.")
        return str(create_s256_code_challenge(verifier))

    def _claim(self, client: ClientSnapshot, code: str, redirect_uri: str, challenge: str | None) -> None:
        # RFC 6749, section 4.1.2: the client MUST NOT use the code more than once. One statement looks at every
        # condition and takes the code, so nobody else can have it, and whoever fails one changes nothing.
        presented = families.Presented(
            code_digest=crypto.digest(code),
            client_id=client.id,
            redirect_uri=redirect_uri,
            code_challenge=challenge,
        )
        claimed = families.claim_code(self.realm, presented)
        if claimed is None:
            raise families.explain_code(self.realm, presented)
        self._claimed = claimed

    def create_token_response(self) -> Any:
        client: ClientSnapshot = self.request.client
        grant = families.load_user(self.realm, self._claimed)
        refresh_token = crypto.random_text() if may_refresh(client, grant.scope) else None
        body = issue(self.realm, client, grant, scope=grant.scope, refresh_token=refresh_token, with_nonce=True)
        return 200, body, []


class RefreshTokenGrant(_Grant):
    """RFC 6749, section 6, with families that rotate (RFC 9700, section 4.14.2)."""

    GRANT_TYPE = "refresh_token"

    def validate_token_request(self) -> None:
        client = self.authenticate()
        token = self.form.get("refresh_token")
        if token is None:
            raise InvalidRequestError("The parameter refresh_token is required.")
        wanted = self.form.get("scope")
        self._wanted = None if wanted is None else scopes.parse(wanted)
        if wanted is not None and self._wanted is None:
            raise InvalidScopeError("The parameter scope is malformed.")
        self._rotates = client.rotate_refresh_tokens
        self._token = token

    def create_token_response(self) -> Any:
        client: ClientSnapshot = self.request.client
        used, successor = families.use_refresh_token(
            self.realm, client, self._token, rotates=self._rotates, wanted=self._wanted
        )
        grant: Grant = used
        if not may_refresh(client, grant.scope):
            raise InvalidGrantError("Refresh tokens are switched off for this app.")
        # Narrowing is for this access token; the refresh token keeps what was granted.
        scope = self._wanted or grant.scope
        body = issue(self.realm, client, grant, scope=scope, refresh_token=successor.to_store, with_nonce=False)
        body["refresh_token"] = successor.token
        return 200, body, []
