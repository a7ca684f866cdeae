"""The frame of the profile's pages: who is signed in, where to sign in again, and what was just done."""

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from functools import wraps
from typing import Any

from flask import Response
from flask import g
from flask import make_response
from flask import redirect
from flask import request
from flask import url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as Redirect

from ..flows.ceremonies import require_own_pages
from ..flows.context import Context
from ..flows.freshness import is_fresh
from ..flows.freshness import require_fresh
from ..flows.login_sessions import SignedIn
from ..text import gettext
from .context import context
from .continuation import known_page
from .continuation import page_url
from .pages import render
from .sessions import current_login


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever is signed in to the project of the address; everything they reach is reached through this."""

    ctx: Context
    """For flows; its actor is the person."""
    login: SignedIn

    def require_fresh(self) -> None:
        """Let only somebody go on who has just signed in.

        :raises StepUpRequired: if the sign-in is five minutes old or older; it is answered by the sign-in page.
        """
        require_fresh(self.ctx, self.login)


View = Callable[..., ResponseReturnValue]


def for_person(view: View) -> View:
    """Let a view see whoever is signed in, as its first argument; send everybody else to sign in.

    The view gets what its address holds besides the project as keywords.
    """

    @wraps(view)
    def enter(slug: str, **parts: str) -> ResponseReturnValue:
        ctx = context(slug)
        require_own_pages(ctx)
        login = current_login(ctx)
        if login is None:
            if getattr(view, "answers_json", False):
                return {"error": "login_required", "message": gettext("You are no longer signed in.")}, 401
            return redirect(url_for("hanko_login.login", slug=slug, next=_page()), 303)
        actor = replace(ctx.origin, actor=f"user:{login.sub}")
        return view(Person(replace(ctx, origin=actor), login), **parts)

    return enter


def show(
    person: Person, template: str, *, status: int = 200, done: Mapping[str, Any] | None = None, **values: Any
) -> Response:
    """Render ``profile/<template>``, which extends ``profile/layout.html``.

    :param done: what ``?done=`` may say on this page, by key. Nothing of it is kept in a session, and nothing else can
        be put on the page.
    """
    page = render(
        "profile/" + template,
        login=person.login,
        fresh=is_fresh(person.ctx, person.login),
        done=(done or {}).get(request.args.get("done", "")),
        **values,
    )
    return make_response(page, status)


def go(person: Person, page: str, *, done: str | None = None) -> Redirect:
    """Answer a POST that succeeded: 303 to a page of the profile, by its key."""
    return redirect(page_url(person.ctx, page) + (f"?done={done}" if done else ""), 303)


def step_up_url() -> str:
    """Where to sign in again for what the request wanted, and then come back to its section."""
    return url_for("hanko_login.login", slug=g.hanko_identity_project.slug, again="1", next=_page())


def _page() -> str:
    """The key of the section that the request is for."""
    rule = request.url_rule.rule if request.url_rule is not None else ""
    return known_page(rule.partition("/profile/")[2].partition("/")[0]) or "profile"
