"""People with an account at a project, below HTTP, and a box for the mails they get."""

from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from typing import Any

from flask import Flask
from sqlalchemy import select

from flask_hanko_identity.flows.consents import remember
from flask_hanko_identity.flows.context import Context
from flask_hanko_identity.flows.login_sessions import SignedIn
from flask_hanko_identity.flows.login_sessions import find_signed_in
from flask_hanko_identity.flows.login_sessions import open_session
from flask_hanko_identity.flows.mail import Mail
from flask_hanko_identity.flows.unit_of_work import transaction
from flask_hanko_identity.flows.users import create_user
from flask_hanko_identity.protocol.passkeys import SYNCED
from flask_hanko_identity.storage import Passkey
from flask_hanko_identity.storage import Passlink
from flask_hanko_identity.storage import RecoveryCode
from flask_hanko_identity.storage import User
from tests.sign_in import make_context
from tests.tenants import RelyingParty
from tests.tenants import connect


@dataclass
class Postbox:
    """A mailer that keeps what it is given."""

    is_on: bool = True
    mails: list[Mail] = field(default_factory=list)

    def send(self, mail: Mail, *, project: Any) -> None:
        self.mails.append(mail)

    @property
    def sent(self) -> list[tuple[str, str]]:
        """Address and subject of each mail."""
        return [(mail.to, mail.subject) for mail in self.mails]


@dataclass
class Person:
    """Somebody who is signed in, within the app's context."""

    app: Flask
    slug: str
    sub: str
    postbox: Postbox
    token: str = field(repr=False)

    @property
    def ctx(self) -> Context:
        """A piece of work of theirs, now."""
        ctx = replace(make_context(self.app, self.slug), mailer=self.postbox)
        return replace(ctx, origin=replace(ctx.origin, actor=f"user:{self.sub}"))

    @property
    def login(self) -> SignedIn:
        """Their login session."""
        found = find_signed_in(self.ctx, self.token)
        assert found is not None
        return found

    @property
    def user(self) -> User:
        """Their row, as it is now."""
        statement = select(User).where(User.sub == self.sub).execution_options(populate_existing=True)
        return self.ctx.session.scalars(statement).one()


def enter(
    app: Flask, email: str = "ada@example.com", *, slug: str = "shop", verified: bool = True, **claims: Any
) -> Person:
    """A new user of the project who has just signed in, with one address."""
    ctx = make_context(app, slug)
    user = create_user(ctx, email=email, claims={"email_verified": verified, **claims})
    user_id, sub = user.id, user.sub
    with transaction(ctx) as work:
        token = open_session(ctx, work, user_id=user_id, sub=sub, assurance=SYNCED).token
    return Person(app, slug, sub, Postbox(), token)


def give_passkey(person: Person, *, credential_id: bytes = b"a credential id of 16") -> None:
    """Store a passkey of the person's, which nobody can use."""
    ctx = person.ctx
    with transaction(ctx):
        ctx.session.add(
            Passkey(
                project_id=ctx.project.id,
                user_id=person.user.id,
                user_handle=person.user.user_handle,
                credential_id=credential_id,
                public_key=b"the key of a passkey",
                algorithm=-7,
                sign_count=0,
                aaguid="00000000-0000-0000-0000-000000000000",
                transports=["internal"],
                backup_eligible=True,
                backup_state=True,
                rp_id=ctx.settings.rp_id,
                name="Laptop",
                created_at=ctx.now,
            )
        )


def live_a_little(person: Person) -> tuple[RelyingParty, dict[str, Any]]:
    """Leave a row in every table that a person can have one in; gives the app with its tokens."""
    app, ctx, user_id = person.app, person.ctx, person.user.id
    rp = connect(app, person.slug)
    rp.browser.set_cookie(f"hanko_identity-{person.slug}", person.token, path="/")
    tokens = rp.tokens(scope="openid email offline_access")
    client = ctx.snapshots.client(ctx.session, project_id=ctx.project.id, client_id=rp.client_id)
    give_passkey(person, credential_id=person.sub.encode())
    with transaction(ctx):
        assert client is not None
        remember(ctx, user_id=user_id, client_id=client.id, scope=("openid",))
        ctx.session.add(RecoveryCode(user_id=user_id, digest=person.sub.encode()[:32], created_at=ctx.now))
        ctx.session.add_all(
            Passlink(
                project_id=ctx.project.id,
                digest=f"{number}{person.sub}".encode(),
                purpose="sign-in",
                user_id=owner,
                email=(person.user.email or "").upper(),
                data={},
                created_at=ctx.now,
                expires_at=ctx.now,
            )
            for number, owner in enumerate((user_id, None))
        )
    return rp, tokens
