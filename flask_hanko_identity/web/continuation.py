"""Where somebody goes on after a sign-in: to the app that asked, or to a page of ours; never to an address that came
with the request (row B13 of the threats is about those)."""

import re

from flask import url_for

from ..flows.context import Context
from ..storage.projects import CONSOLE_SLUG

HANDLE = re.compile(r"[0-9A-Za-z]{20,64}")
"""What names a pending authorization request."""

_PAGES = {
    "profile": "",
    "emails": "/emails",
    "passkeys": "/passkeys",
    "recovery-codes": "/recovery-codes",
    "sessions": "/sessions",
    "apps": "/apps",
    "account": "/account",
}
"""Pages of the profile by the keys that ``next`` may have."""


def known_handle(value: object) -> str | None:
    """The value, if it has the form of a pending request's handle."""
    return value if isinstance(value, str) and HANDLE.fullmatch(value) else None


def known_page(value: object) -> str | None:
    """The value, if it is a key of one of the profile's pages."""
    return value if isinstance(value, str) and value in _PAGES else None


def page_url(ctx: Context, page: str) -> str:
    """The address of a page of the profile."""
    return url_for("hanko_login.profile", slug=ctx.project.slug) + _PAGES[page]


def continue_url(ctx: Context, *, handle: object = None, page: object = None) -> str:
    """Where to go on, for what a sign-in page was given; both may be anything.

    :param handle: of the authorization request that is waiting.
    :param page: key of the page that asked for a sign-in.
    """
    slug = ctx.project.slug
    waiting, asked = known_handle(handle), known_page(page)
    if waiting is not None:
        return url_for("hanko_oidc.resume", slug=slug, request=waiting)
    if asked is not None:
        return page_url(ctx, asked)
    if slug == CONSOLE_SLUG and ctx.settings.console:
        return url_for("hanko_console.home")
    return page_url(ctx, "profile")
