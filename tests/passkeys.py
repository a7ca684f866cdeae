"""Somebody with passkeys, for the tests of adding, renaming and removing them."""

from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from typing import Any

from flask import Flask
from sqlalchemy import update
from sqlalchemy.orm import Session

from flask_hanko_identity.flows.add_passkey import begin_add
from flask_hanko_identity.flows.add_passkey import finish_add
from flask_hanko_identity.flows.context import Context
from flask_hanko_identity.flows.login_sessions import SignedIn
from flask_hanko_identity.flows.login_sessions import find_signed_in
from flask_hanko_identity.flows.mail import Mail
from flask_hanko_identity.flows.passkeys import list_passkeys
from flask_hanko_identity.storage import EmailAddress
from flask_hanko_identity.storage import Project
from flask_hanko_identity.storage import User
from flask_hanko_identity.storage.snapshots import ProjectSnapshot
from tests.authenticator import UNTOUCHED
from tests.authenticator import SoftwareAuthenticator
from tests.authenticator import Tampering
from tests.sign_in import ORIGIN
from tests.sign_in import make_context
from tests.sign_in import sign_up


@dataclass
class Postbox:
    """Takes mails, and keeps them."""

    is_on: bool = True
    mails: list[Mail] = field(default_factory=list)

    def send(self, mail: Mail, *, project: ProjectSnapshot) -> None:
        self.mails.append(mail)


@dataclass
class Member:
    """Somebody who is signed in to the shop, below HTTP."""

    ctx: Context
    login: SignedIn
    authenticator: SoftwareAuthenticator
    """Holds the first passkey."""
    post: Postbox

    def names(self) -> list[str]:
        return [each.name for each in list_passkeys(self.ctx, user_id=self.login.user_id)]

    def ids(self) -> list[int]:
        return [each.id for each in list_passkeys(self.ctx, user_id=self.login.user_id)]

    def add(self, authenticator: SoftwareAuthenticator | None = None, tampering: Tampering = UNTOUCHED) -> str:
        """Both halves of adding a passkey, with another device unless one is named."""
        device = authenticator or SoftwareAuthenticator(origin=ORIGIN)
        ceremony = begin_add(self.ctx, self.login)
        response = device.create(ceremony.options, tampering=tampering)
        return finish_add(self.ctx, self.login, handle=ceremony.handle, response=response)

    def verify_address(self) -> None:
        """As if the link in a mail had been used."""
        prove_address(self.ctx.session, self.login.user_id)

    def at(self, now: Any) -> "Member":
        """The same person later."""
        return replace(self, ctx=replace(self.ctx, now=now))


def make_member(app: Flask, *, email: str = "ada@example.com", slug: str = "shop") -> Member:
    """Somebody who has just signed up, within the app's context."""
    post, device = Postbox(), SoftwareAuthenticator(origin=ORIGIN)
    ctx = replace(make_context(app, slug), mailer=post)
    login = find_signed_in(ctx, sign_up(ctx, device, email=email).token)
    assert login is not None
    return Member(ctx, login, device, post)


def set_ways(app: Flask, **sign_in: bool) -> None:
    """Change which ways in the shop offers."""
    state = app.extensions["hanko_identity"]
    state.session.execute(update(Project).where(Project.slug == "shop").values(sign_in=sign_in))
    state.session.commit()
    state.snapshots.forget()


def prove_address(session: Session, user_id: int) -> None:
    """Let a user hold their address, as if the link in a mail had been used."""
    session.execute(update(User).where(User.id == user_id).values(email_verified=True))
    session.execute(
        update(EmailAddress)
        .where(EmailAddress.user_id == user_id)
        .values(verified_at=EmailAddress.created_at, held_as=EmailAddress.address)
    )
    session.commit()
