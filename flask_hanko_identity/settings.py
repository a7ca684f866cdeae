"""What a host can set: read once in ``init_app``, checked, and frozen."""

import difflib
import ipaddress
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field
from dataclasses import fields
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from .errors import ConfigurationError

PREFIX = "HANKO_IDENTITY_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings; each is ``HANKO_IDENTITY_`` and its name in capitals in the host's configuration."""

    base_url: str
    """Public URL of the mount, such as ``https://id.example.com/identity``. The issuer of a project is this,
    a slash and the project's slug; nothing is ever derived from a request."""
    url_prefix: str = ""
    """Where the blueprints are mounted. The path of ``base_url`` unless the host itself sits below a path."""
    rp_id: str = ""
    """WebAuthn relying party ID: the host name of ``base_url`` or a parent domain of it."""
    rp_name: str = "Sign in"
    """What authenticators call us where a project has no name of its own."""
    origins: tuple[str, ...] = ()
    """Origins that passkey ceremonies may come from. The origin of ``base_url`` unless set."""
    encryption_keys: tuple[str, ...] = field(default=(), repr=False)
    """Keys that encrypt what is stored, newest first. Derived from ``SECRET_KEY`` unless set."""
    passkey_project: str = ""
    """Slug of the project whose passkeys page password managers open: the host named by ``rp_id`` has one
    ``/.well-known/passkey-endpoints``. The console unless set."""
    console: bool = True
    """Whether the management console is served."""
    console_signup: str = "invite"
    """Who may make a console account: ``invite`` (with a link of ``flask identity invite``) or ``open``."""
    cookie_name: str = "hanko_identity"
    """Stem of our cookies' names; ``__Host-`` is put before it where the base URL is https."""
    sqlite_tuning: bool = True
    """Set WAL, ``synchronous=FULL`` and foreign keys on SQLite connections."""
    rate_limit_url: str = field(default="", repr=False)
    """Where rate limits are counted: ``redis://…`` or ``rediss://…``, or the host's database if empty. ``none``
    switches them off, which is for load tests only."""
    authorization_code_lifetime: timedelta = timedelta(seconds=60)
    """How long a code may wait to be redeemed. RFC 6749, section 4.1.2, advises ten minutes at most."""
    access_token_lifetime: timedelta = timedelta(hours=1)
    """How long an access token works."""
    id_token_lifetime: timedelta = timedelta(hours=1)
    """The ``exp`` of ID tokens, counted from ``iat``."""
    refresh_token_idle_lifetime: timedelta = timedelta(days=30)
    """How long a refresh token works if it is not used."""
    refresh_token_lifetime: timedelta = timedelta(days=365)
    """How long a family of refresh tokens works, however often it is used."""
    refresh_token_grace: timedelta = timedelta(seconds=10)
    """How long the token just replaced still gives its successor again, for a reply that was lost."""
    session_lifetime: timedelta = timedelta(days=14)
    """How long a login session lasts."""
    session_idle_lifetime: timedelta = timedelta(days=3)
    """How long a login session lasts if it is not used."""
    key_publication_lead: timedelta = timedelta(hours=24)
    """How long a new signing key is published before it signs."""
    host_login_view: str = ""
    """Endpoint of the host's own login view, such as ``auth.login``, for projects of type host."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Settings":
        """Read ``HANKO_IDENTITY_*`` and ``SECRET_KEY``.

        Durations are timedeltas or whole seconds, lists are lists or comma-separated text.

        :raises ConfigurationError: naming the setting and what it should be.
        """
        values = {_field_name(key): value for key, value in config.items() if key.startswith(PREFIX)}
        read = {name: _convert(name, value) for name, value in values.items() if value is not None}
        if not read.get("base_url"):
            raise ConfigurationError(
                f"{PREFIX}BASE_URL is not set. Give the public URL at which people reach the extension, "
                "for example https://id.example.com/identity (http://localhost:5000/identity while developing)."
            )
        base = _check_base_url(read["base_url"])
        read.setdefault("url_prefix", base.path)
        _check_prefix(read["url_prefix"])
        read.setdefault("rp_id", base.hostname)
        read.setdefault("origins", (f"{base.scheme}://{base.netloc}",))
        if not read.get("encryption_keys"):
            read["encryption_keys"] = _keys_from_secret(config)
        settings = cls(**read)
        settings._check()
        return settings

    @property
    def secure(self) -> bool:
        """Whether people reach us by https."""
        return self.base_url.startswith("https://")

    @property
    def origin(self) -> str:
        """Scheme, host and port of the base URL."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    def issuer(self, slug: str) -> str:
        """The issuer identifier of the project with this slug (OpenID Connect Discovery 1.0, section 3)."""
        return f"{self.base_url}/{slug}"

    def _check(self) -> None:
        host = urlsplit(self.base_url).hostname or ""
        if host != self.rp_id and not host.endswith("." + self.rp_id):
            raise ConfigurationError(
                f"{PREFIX}RP_ID is {self.rp_id!r} but pages are served from {host!r}: passkeys need the host name "
                "itself or a parent domain of it."
            )
        for origin in self.origins:
            if origin.startswith("http") and not _is_origin(origin):
                raise ConfigurationError(
                    f"{PREFIX}ORIGINS holds {origin!r}, which no browser sends: write https:// and the host name in "
                    "lower case, a port only if it is not 443, and no slash at the end (http for localhost alone)."
                )
        if self.console_signup not in ("invite", "open"):
            raise ConfigurationError(f"{PREFIX}CONSOLE_SIGNUP must be 'invite' or 'open'.")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", self.cookie_name):
            raise ConfigurationError(f"{PREFIX}COOKIE_NAME may hold letters, digits, '-' and '_' only.")
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, timedelta) and value.total_seconds() < (each.name != "refresh_token_grace"):
                raise ConfigurationError(f"{PREFIX}{each.name.upper()} must be at least a second.")


_TYPES = {each.name: each.type for each in fields(Settings)}


def _field_name(key: str) -> str:
    name = key.removeprefix(PREFIX).lower()
    if name not in _TYPES:
        near = difflib.get_close_matches(name, _TYPES, n=1, cutoff=0)
        raise ConfigurationError(f"There is no setting {key}. Did you mean {PREFIX}{near[0].upper()}?")
    return name


def _convert(name: str, value: Any) -> Any:
    kind = _TYPES[name]
    if kind is timedelta:
        if isinstance(value, timedelta):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            with suppress(ValueError, OverflowError):
                return timedelta(seconds=value)
        raise ConfigurationError(f"{PREFIX}{name.upper()} must be a number of seconds or a timedelta.")
    if kind is bool:
        if not isinstance(value, bool):
            raise ConfigurationError(f"{PREFIX}{name.upper()} must be True or False.")
        return value
    if kind is str:
        if not isinstance(value, str):
            raise ConfigurationError(f"{PREFIX}{name.upper()} must be text.")
        return value
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if not isinstance(value, list | tuple) or not all(isinstance(part, str) and part for part in value):
        raise ConfigurationError(f"{PREFIX}{name.upper()} must be a list of texts.")
    return tuple(value)


@dataclass(frozen=True, slots=True)
class _Base:
    scheme: str
    netloc: str
    hostname: str
    path: str


def _check_base_url(url: str) -> _Base:
    wrong = f"{PREFIX}BASE_URL {url!r} cannot be used: "
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError as error:
        raise ConfigurationError(wrong + str(error)) from error
    host = parts.hostname or ""
    if url.endswith("/"):
        raise ConfigurationError(wrong + "leave out the slash at the end.")
    if parts.scheme not in ("https", "http") or not host or url != url.strip():
        raise ConfigurationError(wrong + "it must be a whole URL such as https://id.example.com/identity.")
    if parts.query or parts.fragment or "?" in url or "#" in url or parts.username is not None:
        raise ConfigurationError(wrong + "it must not hold a query, a fragment or a user name.")
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", parts.path):
        raise ConfigurationError(wrong + "its path may hold letters, digits and . _ ~ - only.")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        raise ConfigurationError(wrong + "passkeys need a host name, not an IP address (localhost will do).")
    if parts.scheme == "http" and not _is_local(host):
        raise ConfigurationError(wrong + "only https keeps people safe; http works for localhost alone.")
    origin = url.removesuffix(parts.path)
    if origin != origin.lower():
        raise ConfigurationError(wrong + "write the scheme and the host name in lower case.")
    if not _is_origin(origin):
        raise ConfigurationError(
            wrong + "write the host name as browsers send it: letters, digits, dots and hyphens (xn--… for others), "
            f"and a port only if it is not {_DEFAULT_PORTS[parts.scheme]}."
        )
    return _Base(parts.scheme, parts.netloc, host, parts.path)


_DEFAULT_PORTS = {"https": "443", "http": "80"}


def _is_origin(text: str) -> bool:
    """Whether a browser could send this as ``Origin``, from a page that may use passkeys."""
    found = re.fullmatch(r"(https?)://([a-z0-9]([a-z0-9.-]*[a-z0-9])?)(?::([1-9]\d{0,4}))?", text)
    if found is None:
        return False
    scheme, host, port = found[1], found[2], found[4]
    return port != _DEFAULT_PORTS[scheme] and (scheme == "https" or _is_local(host))


def _is_local(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")


def _check_prefix(prefix: str) -> None:
    if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
        raise ConfigurationError(f"{PREFIX}URL_PREFIX must be empty or start, and not end, with a slash.")


def _keys_from_secret(config: Mapping[str, Any]) -> tuple[str, ...]:
    secret = config.get("SECRET_KEY")
    if isinstance(secret, bytes):
        secret = secret.hex()
    if not secret or not isinstance(secret, str):
        raise ConfigurationError(
            "SECRET_KEY is not set. Set it to a long random text (python -c 'import secrets; "
            f"print(secrets.token_hex(32))'), or set {PREFIX}ENCRYPTION_KEYS."
        )
    return (secret,)
