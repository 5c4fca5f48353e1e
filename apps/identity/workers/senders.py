"""The ways in which messages reach users: the log, for development, or a mail server."""

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime, localtime, make_msgid
from typing import Literal

import structlog
from pydantic import SecretStr

from apps.identity.domain.messages import Mail
from apps.identity.workers.send_messages import SendFailedError

_LOG = structlog.get_logger()
_STEP_SECONDS = 15.0
Security = Literal["starttls", "tls", "none"]


class ConsoleSender:
    """Shows messages in the log, tokens and all: for development only."""

    async def send(self, mail: Mail) -> None:
        """Log a message."""
        _LOG.info("message to a user", to=mail.to, subject=mail.subject, text=mail.text)


class SmtpSender:
    """Hands messages over to a mail server (RFC 5321), encrypted unless the settings say otherwise.

    `STARTTLS` (RFC 3207) is demanded, not tried: a server that does not offer it gets no message.
    """

    def __init__(
        self,
        server: tuple[str, int],
        security: Security,
        login: tuple[str, SecretStr] | None,
        sender: str,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._host, self._port = server
        self._security = security
        self._login = login
        self._sender = sender
        self._trust = trust or ssl.create_default_context()

    async def send(self, mail: Mail) -> None:
        """Hand a message over, on a connection of its own. Raises SendFailedError."""
        try:
            await asyncio.to_thread(self._send, self._composed(mail))
        except (OSError, smtplib.SMTPException, ValueError) as error:
            # Its class and code only: what a server writes may name the address.
            code = getattr(error, "smtp_code", "")
            raise SendFailedError(f"{type(error).__name__} {code}".strip()) from None

    def _composed(self, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = mail.to
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(localtime())
        message["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2].strip("> "))
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's vacation answers it
        message.set_content(mail.text)
        return message

    def _send(self, message: EmailMessage) -> None:
        with self._connected() as server:
            if self._security == "starttls":
                server.starttls(context=self._trust)
            if self._login is not None:
                server.login(self._login[0], self._login[1].get_secret_value())
            server.send_message(message)

    def _connected(self) -> smtplib.SMTP:
        if self._security == "tls":
            return smtplib.SMTP_SSL(self._host, self._port, timeout=_STEP_SECONDS, context=self._trust)
        return smtplib.SMTP(self._host, self._port, timeout=_STEP_SECONDS)
