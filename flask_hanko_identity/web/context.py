"""From a Flask request to what a flow is given."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import cast

from flask import current_app
from flask import g
from flask import request

from ..errors import NotFound
from ..errors import Unavailable
from ..flows.context import Context
from ..flows.context import Origin
from ..storage.projects import ProjectStatus
from ..text import gettext
from . import cookies

if TYPE_CHECKING:
    from flask import Flask

    from ..extension import IdentityState


def state() -> IdentityState:
    """What the current host app keeps of the extension."""
    return cast("IdentityState", current_app.extensions["hanko_identity"])


def context(slug: str | None = None, *, actor: str = "anonymous") -> Context:
    """A context for the current request.

    :param slug: the project it is for.
    :raises NotFound: if there is no such project.
    """
    its = state()
    session = its.session
    tenant = None
    if slug is not None:
        tenant = its.snapshots.project(session, slug)
        if tenant is None:
            raise NotFound(gettext("There is no such project here. Check the address."))
        g.hanko_identity_project = tenant
    return Context(
        session=session,
        settings=its.settings,
        ring=its.ring,
        keys=its.keys,
        snapshots=its.snapshots,
        mailer=its.mailer,
        counters=its.counters,
        claims_hook=its.hooks.claims,
        now=its.now(),
        origin=Origin(
            actor=actor,
            ip_address=(request.remote_addr or "")[:45] or None,
            user_agent=_printable(request.headers.get("User-Agent", "")) or None,
            browser=cookies.sent_browser_token(),
        ),
        sender=_app(),
        tenant=tenant,
    )


def ready_context(slug: str) -> Context:
    """A context for a project that is ready to serve.

    :raises NotFound: if there is no such project.
    :raises Unavailable: if it is still being set up.
    """
    ctx = context(slug)
    if ctx.project.status != ProjectStatus.READY:
        raise Unavailable(gettext("This project is still being set up. Try again in a moment."))
    return ctx


def _app() -> Flask:
    return cast("Flask", current_app._get_current_object())  # type: ignore[attr-defined]


def _printable(text: str) -> str:
    return "".join(letter for letter in text[:500] if letter.isprintable())
