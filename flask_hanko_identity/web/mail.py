"""Mails: rendered here in the project's brand, and sent by a thread of their own through Flask-Mail."""

import atexit
import logging
import os
import queue
import secrets
import smtplib
import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate
from email.utils import make_msgid
from email.utils import parseaddr
from typing import Any

from flask import Flask
from flask import current_app
from flask import render_template
from flask_mail import BadHeaderError
from flask_mail import Connection
from flask_mail import Mail as FlaskMail
from flask_mail import Message
from flask_mail import email_dispatched

from ..flows.mail import Mail
from ..storage.snapshots import ProjectSnapshot
from ..text import gettext
from ..text import ngettext
from .brand import mail_colours

log = logging.getLogger("flask_hanko_identity")

MOST_WAITING = 1_000
"""Mails that may wait for the server; what comes then is dropped, and logged."""
OUTBOX_SIZE = 50
TIMEOUT = 20.0
"""Seconds that the server may take for one step."""
PATIENCE = 10.0
"""Seconds that the end of the process waits for what is not yet sent."""


@dataclass(frozen=True, slots=True)
class WrittenMail:
    """A mail as it goes out."""

    project: str
    """Slug."""
    sender_name: str
    to: str
    subject: str
    text: str
    html: str
    at: datetime


class AppMailer:
    """The mailer of one host app. It looks at the app's configuration when it is used, not before.

    :param app: the host.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._outbox: deque[WrittenMail] = deque(maxlen=OUTBOX_SIZE)
        self._sender = _Sender(app)

    @property
    def has_server(self) -> bool:
        """Whether there is a mail server: the host's own Flask-Mail, or what ``MAIL_SERVER`` names."""
        # Flask-Mail takes the local machine where no server is named; nobody means that while developing.
        return bool(self._app.config.get("MAIL_SERVER")) or ("mail" in self._app.extensions and not self._app.debug)

    @property
    def sender(self) -> str | None:
        """The address that mails come from: that of ``MAIL_DEFAULT_SENDER``."""
        given: Any = self._sender.state.default_sender
        address = given[1] if isinstance(given, tuple | list) and len(given) == 2 else parseaddr(str(given or ""))[1]
        return address if isinstance(address, str) and "@" in address else None

    @property
    def is_on(self) -> bool:
        """Whether mails reach people, or the outbox of debug mode."""
        return self.sender is not None if self.has_server else self._app.debug

    def send(self, mail: Mail, *, project: ProjectSnapshot) -> None:
        """Render a mail and let the thread send it. What goes wrong is logged."""
        reference = secrets.token_hex(6)
        try:
            written = self._write(mail, project)
        except Exception as error:
            # What the templates were given may be in the error's text.
            log.error("a mail (%s) could not be written: %s [%s]", mail.template, type(error).__name__, reference)
            return
        if self.has_server and self.sender is not None:
            self._sender.put(written, sender=self.sender, what=mail.template, reference=reference)
        elif self._app.debug:
            self._outbox.append(written)
            log.warning("No mail server is configured. To %s: %s\n%s", written.to, written.subject, written.text)
        else:
            log.error("a mail (%s) was not sent, since there is no mail server [%s]", mail.template, reference)

    def outbox(self, project: ProjectSnapshot) -> list[WrittenMail]:
        """What would have been sent in debug mode, newest first."""
        return [mail for mail in reversed(self._outbox) if mail.project == project.slug]

    def wait(self, patience: float = PATIENCE) -> bool:
        """Wait until the thread has nothing to do; False if that takes too long."""
        return self._sender.wait(patience)

    def _write(self, mail: Mail, project: ProjectSnapshot) -> WrittenMail:
        values = {
            **mail.values,
            "_": gettext,
            "ngettext": ngettext,
            "project": project,
            "subject": mail.subject,
            "colours": mail_colours(project.brand),
        }
        text, html = (
            render_template(f"hanko_identity/mails/{mail.template}.{kind}", **values) for kind in ("txt", "html")
        )
        return WrittenMail(
            project=project.slug,
            sender_name=_one_line(project.name),
            to=mail.to,
            subject=_one_line(mail.subject),
            text=text.strip() + "\n",
            html=html,
            at=datetime.now(UTC),
        )


class _Sender:
    """One daemon thread with a bounded queue, made at the first mail and anew in a forked process."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._process = 0
        self._queue: queue.Queue[tuple[_Outgoing, str, str]] = queue.Queue()

    @property
    def state(self) -> Any:
        """Flask-Mail's state: the host's own, or one made of its configuration."""
        own = self._app.extensions.get("mail")
        # Without debug, or smtplib would print whole mails.
        return own if own is not None else FlaskMail().init_mail(self._app.config, False, self._app.testing)

    def put(self, written: WrittenMail, *, sender: str, what: str, reference: str) -> None:
        outgoing = _Outgoing(written, sender)
        if self.state.suppress:
            # Nothing goes out; who records Flask-Mail's signal in a test finds it at once.
            self._deliver(outgoing, what, reference)
            return
        self._start()
        try:
            self._queue.put_nowait((outgoing, what, reference))
        except queue.Full:
            log.error("a mail (%s) was dropped: too many are waiting for the server [%s]", what, reference)

    def wait(self, patience: float) -> bool:
        if self._process != os.getpid():
            return True
        with self._queue.all_tasks_done:
            return self._queue.all_tasks_done.wait_for(lambda: not self._queue.unfinished_tasks, patience)

    def _start(self) -> None:
        with self._lock:
            if self._process == os.getpid():
                return
            self._process = os.getpid()
            self._queue = queue.Queue(MOST_WAITING)
            threading.Thread(target=self._work, args=(self._queue,), name="hanko-mail", daemon=True).start()
            # A command ends at once; the mail it sends is to go out first.
            atexit.register(self.wait, PATIENCE)

    def _work(self, waiting: "queue.Queue[tuple[_Outgoing, str, str]]") -> None:
        while True:
            outgoing, what, reference = waiting.get()
            try:
                self._deliver(outgoing, what, reference)
            finally:
                waiting.task_done()

    def _deliver(self, outgoing: "_Outgoing", what: str, reference: str) -> None:
        try:
            with self._app.app_context(), _Connection(self.state) as connection:
                connection.send(outgoing)
        except Exception as error:
            # The error's text may hold the mail, and so a link.
            code = getattr(error, "smtp_code", None)
            log.error("a mail (%s) was not sent: %s %s [%s]", what, type(error).__name__, code or "", reference)


class _Connection(Connection):
    """Flask-Mail's connection, which does not wait for ever."""

    def configure_host(self) -> smtplib.SMTP | smtplib.SMTP_SSL:
        mail = self.mail
        host = (smtplib.SMTP_SSL if mail.use_ssl else smtplib.SMTP)(mail.server, mail.port or 0, timeout=TIMEOUT)
        if mail.use_tls:
            host.starttls()
        if mail.username and mail.password:
            host.login(mail.username, mail.password)
        return host

    def send(self, message: Message, envelope_from: str | tuple[str, str] | None = None) -> None:
        """As Flask-Mail does, but for addresses beyond ASCII too (RFC 6531)."""
        if message.has_bad_headers():
            raise BadHeaderError
        if self.host is not None:
            sender, to = str(message.sender), [str(each) for each in message.recipients]
            self.host.sendmail(sender, to, message.as_bytes(), message.mail_options)
        email_dispatched.send(current_app._get_current_object(), message=message)  # type: ignore[attr-defined]


class _Outgoing(Message):
    """A message of Flask-Mail whose text is made by Python's own ``email``, which lets no header be injected."""

    def __init__(self, written: WrittenMail, sender: str) -> None:
        to = _ascii_domain(written.to)
        options = [] if to.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]
        super().__init__(
            subject=written.subject,
            recipients=[to],
            body=written.text,
            html=written.html,
            sender=sender,
            mail_options=options,
        )
        self._written = written

    def as_bytes(self) -> bytes:
        written, sender = self._written, str(self.sender)
        to = str(self.recipients[0])
        message = EmailMessage(policy.SMTPUTF8 if self.mail_options else policy.SMTP)
        message["From"] = Address(written.sender_name, addr_spec=_ascii_domain(sender))
        # Address refuses to read what is beyond ASCII, but writes it.
        local, _, domain = to.rpartition("@")
        message["To"] = Address(addr_spec=to) if to.isascii() else Address(username=local, domain=domain)
        message["Subject"] = written.subject
        message["Date"] = formatdate(usegmt=True)
        message["Message-ID"] = make_msgid(domain=_ascii_domain(sender).rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834, section 5: no answers of machines, please
        message.set_content(written.text, cte="quoted-printable")
        message.add_alternative(written.html, subtype="html", cte="quoted-printable")
        return message.as_bytes()


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _ascii_domain(address: str) -> str:
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return address
