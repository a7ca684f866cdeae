"""The doctor: what is wrong with an installation, and which setting mends it."""

from dataclasses import dataclass

from ..settings import PREFIX
from ..settings import Settings
from ..text import gettext
from .check_database import check_database
from .context import Context
from .counters import OFF
from .findings import Finding
from .findings import Level
from .findings import error
from .findings import ok
from .findings import warning

__all__ = ["Finding", "HostFacts", "Level", "check", "check_database", "check_settings"]

SHORTEST_SECRET = 32
"""Characters: 128 bits in hexadecimal."""

_WELL_KNOWN_SECRETS = frozenset(
    "change-me change-this changeme default dev development flask insecure key my-secret-key mysecret "
    "password replace-me secret secret-key secret_key secretkey super-secret super-secret-key supersecret "
    "test testing your-secret-key your_secret_key".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """What the flows cannot see of the host app."""

    debug: bool
    secret_key: str | bytes | None
    mail: bool
    """Whether a mail server is configured."""
    mail_sender: bool = True
    """Whether it is known what address mails come from."""
    proxy_fix: bool
    """Whether the app trusts the headers of a proxy, with Werkzeug's ProxyFix."""


def check(ctx: Context, host: HostFacts) -> list[Finding]:
    """Look at the settings, the database and all projects. Nothing is changed."""
    return [*check_settings(ctx.settings, host), *check_database(ctx)]


def check_settings(settings: Settings, host: HostFacts) -> list[Finding]:
    """What can be said without the database: also what a start outside debug mode should look at."""
    return [
        _secret_key(host),
        _base_url(settings, host),
        _rp_id(settings),
        _encryption_keys(settings),
        _proxy(settings, host),
        _mail(settings, host),
        *_rate_limits(settings, host),
    ]


def _unless_debug(host: HostFacts, subject: str, message: str) -> Finding:
    return Finding(Level.WARNING if host.debug else Level.ERROR, subject, message)


def _secret_key(host: HostFacts) -> Finding:
    secret = host.secret_key.hex() if isinstance(host.secret_key, bytes) else host.secret_key or ""
    if secret.lower() in _WELL_KNOWN_SECRETS or len(secret) < SHORTEST_SECRET or len(set(secret)) < 8:
        return _unless_debug(
            host,
            "SECRET_KEY",
            gettext(
                "SECRET_KEY is short or easy to guess. Set it to the output of: python -c 'import secrets; "
                "print(secrets.token_hex(32))'."
            ),
        )
    return ok("SECRET_KEY", gettext("SECRET_KEY is long enough."))


def _base_url(settings: Settings, host: HostFacts) -> Finding:
    subject = f"{PREFIX}BASE_URL"
    if not settings.secure:
        return _unless_debug(
            host,
            subject,
            gettext(
                "%(subject)s is %(url)s: without https tokens and cookies can be read on the way. Set it to "
                "the https URL at which people reach this app.",
                subject=subject,
                url=settings.base_url,
            ),
        )
    return ok(subject, gettext("People reach this app at %(url)s.", url=settings.base_url))


def _rp_id(settings: Settings) -> Finding:
    subject = f"{PREFIX}RP_ID"
    strange = [
        origin for origin in settings.origins if origin.startswith("http") and not _belongs_to(origin, settings.rp_id)
    ]
    if strange:
        return error(
            f"{PREFIX}ORIGINS",
            gettext(
                "Passkeys of %(rp_id)s cannot be used at %(origins)s. Take these out of %(subject)s.",
                rp_id=settings.rp_id,
                origins=", ".join(strange),
                subject=f"{PREFIX}ORIGINS",
            ),
        )
    return ok(subject, gettext("Passkeys are made for %(rp_id)s.", rp_id=settings.rp_id))


def _belongs_to(origin: str, rp_id: str) -> bool:
    host = origin.partition("://")[2].partition(":")[0]
    return host == rp_id or host.endswith("." + rp_id)


def _encryption_keys(settings: Settings) -> Finding:
    subject = f"{PREFIX}ENCRYPTION_KEYS"
    if any(len(key) < SHORTEST_SECRET for key in settings.encryption_keys[:1]):
        return warning(
            subject,
            gettext(
                "The first key of %(subject)s (or SECRET_KEY, where that is not set) is short. Put a long "
                "random one before it and run flask identity encryption rotate.",
                subject=subject,
            ),
        )
    return ok(subject, gettext("What is stored is encrypted with a long key."))


def _proxy(settings: Settings, host: HostFacts) -> Finding:
    if settings.secure and not host.debug and not host.proxy_fix:
        return warning(
            "proxy",
            gettext(
                "If a proxy stands before this app, wrap it: app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, "
                "x_proto=1, x_host=1). Otherwise everybody seems to come from the proxy's address."
            ),
        )
    return ok("proxy", gettext("Addresses of people come from where you said."))


def _mail(settings: Settings, host: HostFacts) -> Finding:
    if not host.mail and host.debug:
        message = gettext(
            "MAIL_SERVER is not set: mails are printed to the log and shown at %(url)s/<project>/outbox. Outside debug "
            "mode links by e-mail are switched off without it.",
            url=settings.base_url,
        )
        return warning("MAIL_SERVER", message)
    if not host.mail:
        return warning("MAIL_SERVER", gettext("MAIL_SERVER is not set: links by e-mail are switched off."))
    if not host.mail_sender:
        message = gettext(
            "MAIL_DEFAULT_SENDER is not set, so no mail can be sent: links by e-mail are switched off. Set it to an "
            "address of yours, such as no-reply@example.com."
        )
        return error("MAIL_DEFAULT_SENDER", message)
    return ok("MAIL_SERVER", gettext("A mail server is configured."))


def _rate_limits(settings: Settings, host: HostFacts) -> list[Finding]:
    if settings.rate_limit_url != OFF:
        return []
    subject = f"{PREFIX}RATE_LIMIT_URL"
    message = gettext(
        "Rate limits are switched off, so that codes can be guessed. Take %(subject)s out.", subject=subject
    )
    return [_unless_debug(host, subject, message)]
