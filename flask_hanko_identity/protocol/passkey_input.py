"""What a browser sends after a passkey ceremony, read strictly (Web Authentication Level 3, section 5.1).

Everything here comes from outside; the checks that need no cryptography are made here.
"""

import json
import re
from base64 import urlsafe_b64decode
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..crypto import same
from ..errors import PasskeyRejected
from ..text import gettext

MAX_CREDENTIAL_ID = 1023
"""Bytes; section 7.1."""

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_TRANSPORT = re.compile(r"[a-z-]{1,20}")


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who asks for a passkey: its RP ID, its name, and the origins its pages are served from."""

    id: str
    name: str
    origins: tuple[str, ...]


def rejected(reason: str) -> PasskeyRejected:
    """A refusal that tells the person no more than to try again.

    :param reason: which check failed, for the event list.
    """
    return PasskeyRejected(gettext("Your passkey could not be checked. Try again."), reason=reason)


def decode(text: object) -> bytes:
    """The bytes of base64url without padding; nothing else will do."""
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise rejected("base64url")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(value: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def read_credential(response: object, *names: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The credential with nothing but what the library needs, and the named members of its response as bytes.

    :param response: ``PublicKeyCredential.toJSON()``.
    :raises PasskeyRejected: if a member is missing or malformed.
    """
    if not isinstance(response, dict) or not isinstance(response.get("response"), dict):
        raise rejected("form")
    inner = response["response"]
    fields = {name: decode(inner.get(name)) for name in names}
    credential_id = decode(response.get("rawId"))
    # One way to write the id only, so that it cannot pass for another one later.
    if response.get("type") != "public-key" or response.get("id") != encode(credential_id):
        raise rejected("form")
    if not 1 <= len(credential_id) <= MAX_CREDENTIAL_ID:
        raise rejected("credential id length")
    kept: dict[str, Any] = {name: inner[name] for name in names}
    if inner.get("userHandle") is not None:
        kept["userHandle"] = inner["userHandle"]
    return {"id": response["id"], "rawId": response["id"], "type": "public-key", "response": kept}, fields


def check_client_data(client_data: bytes, kind: str, challenge: bytes, rp: RelyingParty) -> None:
    """Type, challenge, origin, crossOrigin and topOrigin, as sections 7.1 and 7.2 have it.

    :raises PasskeyRejected: if one is not as it must be. Malformed JSON raises what the parser raises.
    """
    data = json.loads(client_data.decode("utf-8-sig"))
    if data["type"] != kind:
        raise rejected("type")
    if not same(decode(data["challenge"]), challenge):
        raise rejected("challenge")
    if not isinstance(data["origin"], str) or data["origin"] not in rp.origins:
        raise PasskeyRejected(
            gettext("This page is not where your passkey may be used. Open %(origin)s.", origin=rp.origins[0]),
            reason="origin",
        )
    # Our pages refuse to be framed, so no ceremony can rightly come from within another site.
    if data.get("crossOrigin", False) is not False or "topOrigin" in data:
        raise rejected("cross-origin")


def is_not_discoverable(response: Any) -> bool:
    """Whether the browser says that the new credential cannot be found without its id (section 10.1.3)."""
    results = response.get("clientExtensionResults")
    properties = results.get("credProps") if isinstance(results, dict) else None
    return isinstance(properties, dict) and properties.get("rk") is False


def read_transports(response: Any) -> tuple[str, ...]:
    """How the authenticator can be reached; values that are unknown today are kept (section 5.2.1.1)."""
    sent = response["response"].get("transports")
    words = sent[:10] if isinstance(sent, list) else []
    return tuple(sorted({each for each in words if isinstance(each, str) and _TRANSPORT.fullmatch(each)}))


def is_from_elsewhere(response: Any, transports: Iterable[str]) -> bool:
    """Whether a passkey that was used lives on another device, such as a phone that was reached by a QR code.

    A security key is none: who carries one means to. It is only the browser's word, so nothing may depend on it but
    what we offer (section 5.1, ``authenticatorAttachment``).

    :param transports: the passkey's, as they were stored.
    """
    if not isinstance(response, dict) or response.get("authenticatorAttachment") != "cross-platform":
        return False
    known = set(transports)
    return not known or bool(known & {"hybrid", "internal"})
