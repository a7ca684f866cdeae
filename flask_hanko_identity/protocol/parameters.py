"""Request parameters as they arrive, before anything believes them."""

from collections.abc import Iterable

from authlib.oauth2.rfc6749 import InvalidRequestError

MAX_LENGTH = 8 * 1024
"""Characters of one value."""


def read_once(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Each parameter with its one value; those without a value count as left out (RFC 6749, section 3.1).

    :raises InvalidRequestError: if one is there twice (section 3.2) or holds what cannot be stored.
    """
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidRequestError("A parameter is there more than once.")
        if not is_storable(value) or not is_storable(name):
            raise InvalidRequestError("A parameter holds a control character or is too long.")
        found[name] = value
    return {name: value for name, value in found.items() if value}


def is_storable(value: str) -> bool:
    """Whether a text is short enough and holds neither control characters nor half of a pair."""
    return len(value) <= MAX_LENGTH and not any(
        letter < " " or letter == "\x7f" or "\ud800" <= letter <= "\udfff" for letter in value
    )
