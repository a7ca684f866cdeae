"""The ways of sign-in by mail, as somebody goes them by HTTP."""

from dataclasses import replace

from flask import Flask
from sqlalchemy import update

from flask_hanko_identity.flows.context import Context
from flask_hanko_identity.flows.login_sessions import SignedIn
from flask_hanko_identity.flows.login_sessions import find_signed_in
from flask_hanko_identity.flows.passlink_uses import Used
from flask_hanko_identity.storage import Project
from tests.sign_in import ORIGIN
from tests.sign_in import Visitor
from tests.sign_in import make_context

ADA = "ada@example.com"
"""Who has an account."""
EVE = "eve@example.com"
"""Who has none."""


def ask(visitor: Visitor, email: str = ADA, **fields: str) -> str:
    """Ask for a mail on the sign-in page; gives the path of the page for the code."""
    visitor.open("login")
    answer = visitor.submit("email", email=email, **fields)
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def path_of(url: str) -> str:
    """Where a mail's link leads."""
    return url.removeprefix(ORIGIN)


def wrong(code: str, by: int = 1) -> str:
    """Another code than this one."""
    return f"{(int(code.replace(' ', '')) + by) % 1_000_000:06d}"


def close_signup(app: Flask) -> None:
    """From now on nobody may sign up anywhere."""
    with app.app_context():
        session = make_context(app).session
        session.execute(update(Project).values(signup="closed"))
        session.commit()
        app.extensions["hanko_identity"].snapshots.forget()


def later(ctx: Context, *, browser: str | None = None) -> Context:
    """A piece of work in the same browser some time after, or in another one."""
    named = ctx.origin.browser if browser is None else browser
    return replace(make_context(ctx.sender, ctx.project.slug, browser=named), mailer=ctx.mailer)


def elsewhere(ctx: Context) -> Context:
    """The same, in another browser."""
    return later(ctx, browser="another browser")


def signed_in_by(ctx: Context, used: Used) -> SignedIn:
    """Whom a link or a code has signed in."""
    assert used.opened is not None
    signed_in = find_signed_in(ctx, used.opened.token)
    assert signed_in is not None
    return signed_in
