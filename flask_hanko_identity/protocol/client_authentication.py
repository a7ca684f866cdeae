"""How an app proves at our endpoints who it is (RFC 6749, sections 2.3 and 3.2.1)."""

import binascii
from base64 import b64decode
from datetime import datetime
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc6749 import InvalidRequestError

from .. import crypto
from ..storage.snapshots import ClientSnapshot
from .parameters import is_storable
from .realm import MachineRequest
from .realm import Realm

NONE = "none"
BASIC = "client_secret_basic"
POST = "client_secret_post"

METHODS = (BASIC, POST, NONE)

_NOBODY = crypto.digest("")


class InvalidClient(InvalidClientError):
    """Always 401 with a challenge, and one text whatever failed (section 5.2)."""

    def __init__(self) -> None:
        super().__init__("Client authentication failed.", status_code=401)


def authenticate_client(realm: Realm, request: MachineRequest) -> ClientSnapshot:
    """The client that sent the request, proven by the one method that it is registered for.

    :raises InvalidClientError: if it is not.
    :raises InvalidRequestError: if it used two methods at once (section 2.3).
    """
    method, client_id, secret = _read_credentials(request)
    known = None
    if is_storable(client_id) and 0 < len(client_id) <= 64:
        known = realm.snapshots.client(realm.session, project_id=realm.project.id, client_id=client_id)
    # An unknown client costs the same comparison as a known one.
    stored = known.secrets if known is not None and known.secrets else ((_NOBODY, None),)
    proven = _matches(secret or "", stored, realm.now)
    if known is None or not known.enabled or known.token_endpoint_auth_method != method:
        raise InvalidClient
    if method != NONE and not (secret and proven):
        raise InvalidClient
    return known


def _matches(secret: str, stored: tuple[tuple[bytes, datetime | None], ...], now: datetime) -> bool:
    given = crypto.digest(secret)
    return any([crypto.same(given, digest) and (end is None or now < end) for digest, end in stored])


def _read_credentials(request: MachineRequest) -> tuple[str, str, str | None]:
    """Method, client ID and secret as the request claims them."""
    client_id = request.form.get("client_id", "")
    secret = request.form.get("client_secret")
    if request.authorization is None:
        return (NONE if secret is None else POST), client_id, secret
    if secret is not None:
        raise InvalidRequestError("Use one method of client authentication, not two.")
    basic_id, basic_secret = _read_basic(request.authorization)
    if client_id and client_id != basic_id:
        raise InvalidRequestError("client_id differs from the one in the Authorization header.")
    return BASIC, basic_id, basic_secret


def _read_basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient
    try:
        client_id, separator, secret = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise InvalidClient from error
    if not separator:
        raise InvalidClient
    # Section 2.3.1: both are form-encoded before they are put together.
    return unquote_plus(client_id), unquote_plus(secret)
