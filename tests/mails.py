"""A mail server of the test's own, and the mails that reached it as their readers see them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from email import message_from_bytes
from email import policy
from email.message import EmailMessage
from html import unescape
from threading import Condition
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from flask_hanko_identity.flows.mail import Mail
from flask_hanko_identity.storage.snapshots import ProjectSnapshot
from tests.servers import free_port

PATIENCE = 10.0


@dataclass
class ReceivedMail:
    """A mail as it came over the wire."""

    envelope_to: list[str]
    message: EmailMessage

    @property
    def text(self) -> str:
        """The part for programs that show plain text."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """The part for programs that show pages."""
        return self._part("html")

    @property
    def link(self) -> str:
        """The link, which is the same in both parts."""
        in_text = re.findall(r"https?://\S+/link/\w+", self.text)
        in_html = [unescape(each) for each in re.findall(r'href="([^"]+)"', self.html)]
        assert len(in_text) == 1 and in_html == in_text, (in_text, in_html)
        return str(in_text[0])

    @property
    def code(self) -> str:
        """The code, which is the same in both parts."""
        in_text, in_html = (re.findall(r"\b\d{3} \d{3}\b", part) for part in (self.text, self.html))
        assert len(in_text) == 1 and in_html == in_text, (in_text, in_html)
        return str(in_text[0])

    def _part(self, kind: str) -> str:
        body = self.message.get_body((kind,))
        assert body is not None
        return str(body.get_content()).replace("\r\n", "\n")


@dataclass
class MailServer:
    """What arrived, oldest first."""

    port: int
    mails: list[ReceivedMail] = field(default_factory=list)
    refuse: str | None = None
    """What the server says to every mail instead of taking it."""
    attempts: int = 0
    _changed: Condition = field(default_factory=Condition)

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        with self._changed:
            self.attempts += 1
            self._changed.notify_all()
            if self.refuse is not None:
                return self.refuse
            assert isinstance(envelope.content, bytes)
            message = message_from_bytes(envelope.content, policy=policy.SMTPUTF8)
            assert isinstance(message, EmailMessage)
            self.mails.append(ReceivedMail(envelope.rcpt_tos, message))
            self._changed.notify_all()
        return "250 Taken"

    def wait_for(self, count: int) -> ReceivedMail:
        """The newest mail, once there are so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.mails) >= count, PATIENCE), f"{len(self.mails)} mails came"
            return self.mails[-1]

    def wait_for_attempts(self, count: int) -> None:
        """Wait until so many mails were taken or refused."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.attempts >= count, PATIENCE)

    @property
    def config(self) -> dict[str, Any]:
        """What a host sets to send by this server."""
        return {
            "MAIL_SERVER": "127.0.0.1",
            "MAIL_PORT": self.port,
            "MAIL_DEFAULT_SENDER": ("The host", "no-reply@host.example"),
            "MAIL_SUPPRESS_SEND": False,  # Flask-Mail sends nothing in tests otherwise
        }


@contextmanager
def serve_mail() -> Iterator[MailServer]:
    """Run a mail server in a thread of this process."""
    server = MailServer(free_port())
    controller = Controller(server, hostname="127.0.0.1", port=server.port, enable_SMTPUTF8=True)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


@dataclass
class Outbox:
    """A mailer that keeps what it is given."""

    mails: list[Mail] = field(default_factory=list)
    is_on: bool = True

    def send(self, mail: Mail, *, project: ProjectSnapshot) -> None:
        self.mails.append(mail)

    @property
    def secret(self) -> str:
        """The secret of the newest mail's link."""
        return str(self.mails[-1].values["link"]).rpartition("/")[2]

    @property
    def code(self) -> str:
        """The code of the newest mail."""
        return str(self.mails[-1].values["code"])
