"""The extension object, and the one module that knows every other."""

from dataclasses import dataclass
from dataclasses import field
from datetime import datetime

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Session

from .cli import make_commands
from .clock import Clock
from .clock import utcnow
from .crypto import KeyRing
from .errors import ConfigurationError
from .flows.counters import Counters
from .flows.counters import make_counters
from .flows.mail import Mailer
from .protocol.claims import ClaimsHook
from .protocol.host_accounts import HostLogoutFunction
from .protocol.host_accounts import HostUserFunction
from .protocol.signing import KeyStore
from .settings import Settings
from .storage import mirror_tables
from .storage.engines import prepare_engine
from .storage.snapshots import Snapshots
from .web import register_blueprints
from .web.mail import AppMailer
from .web.startup import refuse_unsafe
from .web.translations import use_flask_babel

EXTENSION = "hanko_identity"


@dataclass(slots=True)
class Hooks:
    """Functions that the host gave us. They belong to the extension object, not to one app."""

    claims: ClaimsHook | None = None
    host_user: HostUserFunction | None = None
    host_logout: HostLogoutFunction | None = None


@dataclass(frozen=True, slots=True)
class IdentityState:
    """All that one host app keeps of the extension, at ``app.extensions["hanko_identity"]``."""

    settings: Settings
    db: SQLAlchemy
    clock: Clock
    hooks: Hooks
    ring: KeyRing
    keys: KeyStore
    mailer: Mailer
    counters: Counters
    snapshots: Snapshots = field(default_factory=Snapshots)

    @property
    def session(self) -> Session:
        """The host's session of the current request or command, its engine prepared for us."""
        prepare_engine(self.db.engine, tune_sqlite=self.settings.sqlite_tuning)
        return self.db.session()

    def host_gaps(self, app: Flask) -> tuple[str, ...]:
        """What is missing before a project of type host can sign anybody in, as a developer would write it."""
        gaps = [] if self.hooks.host_user is not None else ["@identity.host_user"]
        if self.settings.host_login_view not in app.view_functions:
            gaps.append("HANKO_IDENTITY_HOST_LOGIN_VIEW")
        return tuple(gaps)

    def now(self) -> datetime:
        """The present, by the clock that the extension was given."""
        return self.clock()


class HankoIdentity:
    """Makes a Flask app an OpenID Connect provider with passwordless sign-in and a console.

    .. code-block:: python

        app.config["HANKO_IDENTITY_BASE_URL"] = "https://id.example.com/identity"
        db = SQLAlchemy(app)
        identity = HankoIdentity(app, db=db)

    :param app: the host, or None to call :meth:`init_app` later.
    :param db: the host's Flask-SQLAlchemy object. Our tables are mirrored into its metadata.
    :param clock: returns the present as an aware datetime; for tests.
    """

    def __init__(self, app: Flask | None = None, *, db: SQLAlchemy | None = None, clock: Clock = utcnow) -> None:
        self._clock = clock
        self.hooks = Hooks()
        if app is not None:
            self.init_app(app, db=db)

    def init_app(self, app: Flask, *, db: SQLAlchemy | None = None) -> None:
        """Add the extension to an app.

        :raises ConfigurationError: if a setting is missing, wrong or unsafe, or the extension is there already.
        """
        if EXTENSION in app.extensions:
            raise ConfigurationError("HankoIdentity was added to this app already.")
        if db is None:
            db = app.extensions.get("sqlalchemy")
        if db is None:
            raise ConfigurationError("HankoIdentity needs the host's Flask-SQLAlchemy object: pass db=db.")
        settings = Settings.from_config(app.config)
        refuse_unsafe(app, settings)
        mirror_tables(db.metadata)
        ring = KeyRing(settings.encryption_keys)
        app.extensions[EXTENSION] = IdentityState(
            settings=settings,
            db=db,
            clock=self._clock,
            hooks=self.hooks,
            ring=ring,
            keys=KeyStore(ring),
            mailer=AppMailer(app),
            counters=make_counters(settings.rate_limit_url),
        )
        if "sqlalchemy" in app.extensions:
            with app.app_context():
                prepare_engine(db.engine, tune_sqlite=settings.sqlite_tuning)
        use_flask_babel()
        register_blueprints(app, settings)
        app.cli.add_command(make_commands())

    def claims(self, function: ClaimsHook) -> ClaimsHook:
        """Let ``function(user, scopes)`` add claims about a user, or replace stored ones.

        :param function: takes a :class:`~.protocol.claims.UserRecord` and the granted scopes, returns claims. It is
            called for userinfo, inside the request; what it returns must be JSON.
        """
        self.hooks.claims = function
        return function

    def host_user(self, function: HostUserFunction) -> HostUserFunction:
        """Let ``function()`` say who is signed in to the host, for projects of type host.

        :param function: returns a :class:`~.HostUser`, or None if nobody is. It is called inside the request, before we
            write anything, and may read the database through the host's session.
        """
        self.hooks.host_user = function
        return function

    def host_logout(self, function: HostLogoutFunction) -> HostLogoutFunction:
        """Let ``function()`` end the host's own session when an app signs the person out.

        Without it only our session ends, and the host's person is signed in again at the next request of an app.
        """
        self.hooks.host_logout = function
        return function


__all__ = ["HankoIdentity", "IdentityState"]
