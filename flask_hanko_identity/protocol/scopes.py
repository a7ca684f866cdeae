"""The scopes that we know (OpenID Connect Core 1.0, sections 5.4 and 11)."""

import re

OPENID = "openid"
OFFLINE_ACCESS = "offline_access"

SCOPES = (OPENID, "profile", "email", "address", "phone", OFFLINE_ACCESS)
"""In the order in which consent names them."""

# RFC 6749, section 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), separated by single spaces.
_SYNTAX = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")


def parse(scope: str) -> tuple[str, ...] | None:
    """The scopes of a parameter, each once and in their order, or None if it is malformed."""
    if not _SYNTAX.fullmatch(scope):
        return None
    return tuple(dict.fromkeys(scope.split(" ")))
