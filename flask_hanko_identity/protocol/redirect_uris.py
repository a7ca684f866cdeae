"""Redirect URIs as a browser reads them: what may be registered, and what a request may name.

RFC 6749, section 3.1.2; RFC 8252, sections 7 and 8; RFC 9700, sections 2.1 and 4.1. Nothing is ever
normalised: what is not in its plainest form is refused, so that nobody can see two addresses in it.
"""

import ipaddress
import re
from collections.abc import Collection
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from ..errors import InvalidInput
from ..storage.clients import ApplicationType
from ..text import gettext

LONGEST_URI = 2000
MOST_URIS = 50
"""Of each kind, for one client."""

_ALLOWED = re.compile(r"(?:[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")
"""RFC 3986, appendix A, without the fragment."""
_PARTS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*):(?://(?P<authority>[^/?]*))?(?P<path>[^?]*)(?:\?(?P<query>.*))?")
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>.*))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_PRIVATE_AUTHORITY = re.compile(r"[a-z0-9._-]*")
_PACKAGE_NAME = re.compile(r"[a-z][a-z0-9_-]*(?:\.[a-z0-9_][a-z0-9_-]*)+")
_RESERVED_PARAMETERS = frozenset({"code", "iss", "response", "state"})
_LOOPBACK = frozenset({"127.0.0.1", "[::1]", "localhost"})


@dataclass(frozen=True, slots=True)
class ParsedURI:
    """The parts of an address that is in its plainest form."""

    scheme: str
    host: str
    """In lower case; empty for a private-use scheme without an authority."""
    port: str
    """Digits, or empty."""
    path: str
    query: str | None

    @property
    def is_http(self) -> bool:
        """Whether a browser opens it itself."""
        return self.scheme in ("http", "https")

    @property
    def is_loopback(self) -> bool:
        """Whether it is plain http to the person's own machine (RFC 8252, section 7.3)."""
        return self.scheme == "http" and self.host in _LOOPBACK


class _Fault(Exception):
    """Why an address is refused, in a sentence."""


def check_redirect_uri(uri: Any, *, application_type: str, application_uri: str, field: str) -> str:
    """An address that may be registered for this kind of app.

    :param application_uri: the app's own URL or package name, already checked.
    :raises InvalidInput: with a sentence that names the address and its fault.
    """
    try:
        parsed = _parse(uri)
        _check_scheme(parsed, application_type)
        if not parsed.is_http and parsed.scheme != application_uri:
            # RFC 8252, section 8.4: the scheme shows whose app it is.
            raise _Fault(gettext("its scheme must be the app's package name"))
        _check_query(parsed.query)
    except _Fault as fault:
        raise _refusal(uri, fault, field) from fault
    return str(uri)


def check_redirect_uris(
    uris: Any, *, application_type: str, application_uri: str, field: str, required: bool
) -> tuple[str, ...]:
    """All addresses of one kind, each once, in the order given.

    :raises InvalidInput: if one is faulty, if there are too many, or none where one is required.
    """
    if isinstance(uris, str) or not isinstance(uris, Sequence):
        raise InvalidInput(gettext("Give a list of addresses."), field=field)
    if required and not uris:
        raise InvalidInput(gettext("Give at least one address."), field=field)
    if len(uris) > MOST_URIS:
        raise InvalidInput(gettext("Give at most %(most)d addresses.", most=MOST_URIS), field=field)
    checked = [
        check_redirect_uri(uri, application_type=application_type, application_uri=application_uri, field=field)
        for uri in uris
    ]
    return tuple(dict.fromkeys(checked))


def check_application_uri(uri: Any, *, application_type: str, field: str) -> str:
    """The address of the app itself, or a native app's package name; all in lower case.

    :raises InvalidInput: naming the first capital letter, or what else is wrong.
    """
    if isinstance(uri, str) and (capital := re.search(r"[A-Z]", uri)):
        raise InvalidInput(
            gettext("Write it all in lower case: it has a capital “%(letter)s”.", letter=capital[0]),
            field=field,
        )
    native = application_type == ApplicationType.NATIVE
    if native and isinstance(uri, str) and len(uri) <= 255 and _PACKAGE_NAME.fullmatch(uri):
        return uri
    try:
        parsed = _parse(uri)
        if not parsed.is_http:
            raise _Fault(gettext("it must start with https://"))
        _check_scheme(parsed, application_type)
    except _Fault as fault:
        if native and ":" not in str(uri):
            raise InvalidInput(
                gettext("Give a package name such as com.example.app, or a URL."), field=field
            ) from fault
        raise _refusal(uri, fault, field) from fault
    return str(uri)


def is_registered(registered: Collection[str], requested: Any, application_type: str) -> bool:
    """Whether a request may name this address: byte for byte one of those registered.

    A native app may ask for any port where it registered a loopback address, and for nothing else that
    differs (RFC 8252, section 7.3; RFC 9700, section 4.1.3). What could not be registered is never accepted.
    """
    try:
        parsed = _parse(requested)
        _check_scheme(parsed, application_type)
    except _Fault:
        return False
    if requested in registered:
        return True
    if application_type != ApplicationType.NATIVE or not parsed.is_loopback:
        return False
    plain = _without_port(requested, parsed)
    return any(plain == _plain_loopback(uri) for uri in registered)


def _parse(uri: Any) -> ParsedURI:
    if not isinstance(uri, str) or not uri:
        raise _Fault(gettext("an address is missing"))
    return _parse_text(uri)


@lru_cache(1024)
def _parse_text(uri: str) -> ParsedURI:
    if len(uri) > LONGEST_URI:
        raise _Fault(gettext("it is longer than %(most)d characters", most=LONGEST_URI))
    if "#" in uri:  # RFC 6749, section 3.1.2
        raise _Fault(gettext("it must not have a fragment (#)"))
    if not _ALLOWED.fullmatch(uri):
        raise _Fault(gettext("it has characters that do not belong into a URL; international names go in as xn--"))
    match = _PARTS.fullmatch(uri)
    if match is None:
        raise _Fault(gettext("it must start with https://, in lower case"))
    scheme, authority, path, query = match["scheme"], match["authority"], match["path"], match["query"]
    _check_escapes(path, query or "")
    if scheme in ("http", "https"):
        host, port = _parse_authority(authority or "")
        return ParsedURI(scheme, host, port, path, query)
    if not path.startswith("/") and not authority:
        raise _Fault(gettext("a / must follow its scheme"))
    if authority and not _PRIVATE_AUTHORITY.fullmatch(authority):
        raise _Fault(gettext("what follows // must be lower-case letters, digits, dots and hyphens"))
    return ParsedURI(scheme, authority or "", "", path, query)


def _parse_authority(authority: str) -> tuple[str, str]:
    if "@" in authority:
        raise _Fault(gettext("it must not hold a user name (@)"))
    match = _AUTHORITY.fullmatch(authority)
    if match is None or not match["host"]:
        raise _Fault(gettext("it names no host"))
    host, port = match["host"], match["port"]
    if host != host.lower():
        raise _Fault(gettext("its host must be in lower case"))
    if not (_is_ipv6(host) if host.startswith("[") else _is_host(host)):
        raise _Fault(gettext("its host is not in the plainest form"))
    if port is not None and (not _PORT.fullmatch(port) or int(port) > 65535):
        raise _Fault(gettext("its port is not a number from 1 to 65535"))
    return host, port or ""


def _is_host(host: str) -> bool:
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return False
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):
        # A browser takes this for an IPv4 address, however it is written (URL Standard, host parsing).
        try:
            return str(ipaddress.IPv4Address(host)) == host
        except ValueError:
            return False
    return True


def _is_ipv6(host: str) -> bool:
    if not re.fullmatch(r"\[[0-9a-f:]+\]", host):
        return False
    try:
        address = ipaddress.IPv6Address(host[1:-1])
    except ValueError:
        return False
    return address.ipv4_mapped is None and str(address) == host[1:-1]


def _check_escapes(path: str, query: str) -> None:
    for segment in path.split("/"):
        # Proxies and servers disagree on "..;", so dots before parameters count as dots.
        plain = unquote_to_bytes(segment).split(b";")[0]
        if plain in (b".", b".."):
            raise _Fault(gettext("its path must not have . or .. as a part"))
    escaped = unquote_to_bytes(path)
    if re.search("%(2f|5c|25|2e)", path, re.IGNORECASE) or b"\\" in escaped:
        raise _Fault(gettext("its path must not have an encoded slash, backslash, dot or percent sign"))
    for part in (escaped, unquote_to_bytes(query)):
        try:
            text = part.decode()
        except UnicodeDecodeError:
            raise _Fault(gettext("its percent signs do not encode UTF-8")) from None
        if any(character < " " or character == "\x7f" for character in text):
            raise _Fault(gettext("it must not have encoded control characters"))


def _check_scheme(parsed: ParsedURI, application_type: str) -> None:
    if parsed.scheme == "https":
        return
    if parsed.scheme == "http":
        # RFC 9700, section 2.6. Names below localhost never leave the machine either (RFC 6761, section 6.3).
        if parsed.host in _LOOPBACK or parsed.host.endswith(".localhost"):
            return
        raise _Fault(gettext("it must be https; plain http is for localhost, 127.0.0.1 and [::1] alone"))
    if application_type != ApplicationType.NATIVE:
        raise _Fault(gettext("it must start with https://"))
    if "." not in parsed.scheme:  # RFC 8252, section 7.1; keeps javascript:, data: and the like out too
        raise _Fault(gettext("its scheme must be the app's package name, which has a dot"))


def _check_query(query: str | None) -> None:
    for pair in (query or "").split("&"):
        name = unquote_to_bytes(pair.split("=")[0].replace("+", " ")).decode()
        if name in _RESERVED_PARAMETERS or name.startswith("error"):
            raise _Fault(gettext("its query must not have “%(name)s”, which our answer uses", name=name))


def _plain_loopback(uri: str) -> str | None:
    try:
        parsed = _parse(uri)
    except _Fault:
        return None
    return _without_port(uri, parsed) if parsed.is_loopback else None


def _without_port(uri: str, parsed: ParsedURI) -> str:
    return uri.replace(f"{parsed.host}:{parsed.port}", parsed.host, 1) if parsed.port else uri


def _refusal(uri: Any, fault: _Fault, field: str) -> InvalidInput:
    shown = str(uri)[:100].encode("unicode_escape").decode()
    return InvalidInput(gettext("“%(uri)s” cannot be used: %(fault)s.", uri=shown, fault=str(fault)), field=field)
