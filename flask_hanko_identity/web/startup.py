"""A look at the settings before the app serves anybody."""

import logging

import click
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from ..errors import ConfigurationError
from ..flows.check import HostFacts
from ..flows.check import Level
from ..flows.check import check_settings
from ..settings import Settings
from .mail import AppMailer

log = logging.getLogger("flask_hanko_identity")


def host_facts(app: Flask, *, debug: bool | None = None, proxy_fix: bool | None = None) -> HostFacts:
    """What a check of the installation wants to know of the host app.

    :param debug: whether to be lenient; the app's debug mode unless given.
    :param proxy_fix: whether a proxy's headers are trusted; looked up unless given.
    """
    mailer = AppMailer(app)
    return HostFacts(
        debug=app.debug if debug is None else debug,
        secret_key=app.config.get("SECRET_KEY"),
        mail=mailer.has_server,
        mail_sender=mailer.sender is not None,
        proxy_fix=isinstance(app.wsgi_app, ProxyFix) if proxy_fix is None else proxy_fix,
    )


def refuse_unsafe(app: Flask, settings: Settings) -> None:
    """Stop the start of an app that people are to use, if its settings would put them at risk; log what is less bad.

    Not in debug mode, in tests, or on the command line, which must be able to say what is wrong.

    :raises ConfigurationError: with everything that is to be changed.
    """
    if app.debug or app.testing or click.get_current_context(silent=True) is not None:
        return
    # http means localhost, that nobody else can reach. Whether a proxy is trusted is often said after init_app.
    findings = check_settings(settings, host_facts(app, debug=not settings.secure, proxy_fix=True))
    errors = [finding.message for finding in findings if finding.level is Level.ERROR]
    if errors:
        raise ConfigurationError(" ".join(errors))
    for finding in findings:
        if finding.level is Level.WARNING:
            log.warning("%s", finding.message)
