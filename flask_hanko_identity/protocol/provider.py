"""Authlib's authorization server, framework-free, for one tenant and one request."""

from typing import Any
from typing import cast

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer
from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc6749 import UnsupportedGrantTypeError
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6749.requests import OAuth2Request

from .grants import AuthorizationCodeGrant
from .grants import RefreshTokenGrant
from .realm import MachineRequest
from .realm import Realm
from .realm import Reply


class _Request(OAuth2Request):
    """Authlib's request without its look at the URL's scheme: we sit behind the host's proxy."""

    def __init__(self, machine: MachineRequest) -> None:
        self.method = "POST"
        self.machine = machine
        self.payload = BasicOAuth2Payload(dict(machine.form))
        self.client = None


class _UnsupportedGrantType(UnsupportedGrantTypeError):
    """Authlib's, without repeating what the request said."""

    description = "The grant types here are authorization_code and refresh_token."


class Provider(AuthorizationServer):
    """The token endpoint: finds the grant, lets it validate and respond."""

    def __init__(self, realm: Realm) -> None:
        super().__init__()
        self.realm = realm
        self.register_grant(AuthorizationCodeGrant)
        self.register_grant(RefreshTokenGrant)

    def respond(self, request: MachineRequest) -> Reply:
        """Answer a token request (RFC 6749, sections 5.1 and 5.2).

        :raises OAuth2Error: for every refusal.
        """
        if "grant_type" not in request.form:
            raise InvalidRequestError("The parameter grant_type is required.")
        reply: Any = self.create_token_response(_Request(request))
        return cast(Reply, reply)

    def create_oauth2_request(self, request: Any) -> _Request:
        return cast(_Request, request)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Ours are sent after the commit, by the flow."""

    def handle_response(self, status: int, body: Any, headers: Any) -> Any:
        return Reply(status, body)

    def handle_error_response(self, request: OAuth2Request, error: OAuth2Error) -> Reply:
        if isinstance(error, UnsupportedGrantTypeError):
            raise _UnsupportedGrantType(error.grant_type) from error
        raise error
