"""What people may type: names, short names for addresses, e-mail addresses, colours."""

import re
import unicodedata
from typing import Any

from email_validator import EmailNotValidError
from email_validator import validate_email

from ..crypto import random_text
from ..errors import InvalidInput
from ..text import gettext

LONGEST_NAME = 100
LONGEST_EMAIL = 254
LONGEST_SLUG = 63

_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})
"""Control, format (bidirectional and zero-width among them), surrogate, unassigned, private, line ends."""
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that show as nothing."""
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_RESERVED_SLUGS = frozenset(
    {
        "account",
        "api",
        "assets",
        "authorize",
        "console",
        "docs",
        "health",
        "introspect",
        "jwks",
        "link",
        "login",
        "logout",
        "oauth-authorization-server",
        "openid-configuration",
        "passkey-endpoints",
        "profile",
        "register",
        "revoke",
        "security",
        "signup",
        "static",
        "token",
        "userinfo",
        "webauthn",
        "well-known",
    }
)


def clean_name(text: Any, field: str, *, longest: int = LONGEST_NAME) -> str:
    """A name that shows as what it is: NFC, 1 to ``longest`` characters, no space around it.

    :raises InvalidInput: if it is empty or too long, or holds characters that are invisible or turn text
        around, so that it could pass for another name.
    """
    name = clean_label(text, field, longest=longest)
    if not name:
        raise InvalidInput(gettext("Enter a name."), field=field)
    return name


def clean_label(text: Any, field: str, *, longest: int = LONGEST_NAME) -> str:
    """As :func:`clean_name`, but it may be empty."""
    if not isinstance(text, str):
        raise InvalidInput(gettext("This must be text."), field=field)
    if len(text) > 4 * longest:  # before any work is put into it
        raise _too_long(longest, field)
    name = unicodedata.normalize("NFC", text).strip()
    for character in name:
        if unicodedata.category(character) in _REFUSED_CATEGORIES or character in _BLANK:
            raise InvalidInput(
                gettext("Leave out the invisible character U+%(code)s.", code=f"{ord(character):04X}"),
                field=field,
            )
    if len(name) > longest:
        raise _too_long(longest, field)
    return name


def clean_slug(text: Any, field: str) -> str:
    """A project's part of its addresses.

    :raises InvalidInput: unless it is 3 to 63 lower-case letters, digits and inner hyphens, and none of ours.
    """
    if not isinstance(text, str) or not _SLUG.fullmatch(text):
        raise InvalidInput(
            gettext("Use 3 to 63 lower-case letters a to z, digits and hyphens, with no hyphen at either end."),
            field=field,
        )
    if text in _RESERVED_SLUGS:
        raise InvalidInput(gettext("“%(slug)s” is reserved. Choose another.", slug=text), field=field)
    return text


def suggest_slug(name: str) -> str:
    """A valid slug that resembles the name."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[: LONGEST_SLUG - 8].strip("-")
    if len(slug) < 3 or slug in _RESERVED_SLUGS:
        return vary_slug(slug or "project")
    return slug


def vary_slug(slug: str) -> str:
    """The slug with a random ending, for when it is taken."""
    return f"{slug[: LONGEST_SLUG - 8].rstrip('-')}-{random_text(32).lower()}"


def clean_email(text: Any, field: str) -> str:
    """An e-mail address in the form in which it is stored: its domain in lower case.

    Whether mail arrives there is not asked.

    :raises InvalidInput: if it is not one.
    """
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_EMAIL:
        raise InvalidInput(gettext("Enter an e-mail address such as name@example.com."), field=field)
    try:
        # user@intranet and user@shop.test are the host's business; what is undeliverable only loses its mail.
        address = validate_email(
            text, check_deliverability=False, globally_deliverable=False, test_environment=True
        ).normalized
    except (EmailNotValidError, ValueError) as error:  # ValueError: what cannot be encoded at all
        raise InvalidInput(gettext("Enter an e-mail address such as name@example.com."), field=field) from error
    return clean_name(address, field, longest=LONGEST_EMAIL)


def clean_brand(*, accent: Any, background: Any, corners: Any) -> dict[str, str]:
    """The look of a project's pages as it is stored.

    :raises InvalidInput: unless the colours are ``#rrggbb`` and the corners ``round`` or ``square``.
    """
    colours = {"accent": accent, "background": background}
    for name, value in colours.items():
        colour = value.lower() if isinstance(value, str) else ""
        if not _COLOUR.fullmatch(colour):
            raise InvalidInput(gettext("Choose a colour such as #2457d6."), field=name)
        colours[name] = colour
    if corners not in ("round", "square"):
        raise InvalidInput(gettext("Corners are round or square."), field="corners")
    return {**colours, "corners": corners}


def _too_long(longest: int, field: str) -> InvalidInput:
    return InvalidInput(gettext("Use at most %(longest)d characters.", longest=longest), field=field)
