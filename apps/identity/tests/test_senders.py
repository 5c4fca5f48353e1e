"""Handing messages over to a real mail server, over TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from apps.identity.domain.messages import Mail
from apps.identity.workers.send_messages import SendFailedError
from apps.identity.workers.senders import ConsoleSender, Security, SmtpSender

MAIL = Mail("ann@ledgerlink.example", "Set a new password", "Here: https://ledgerlink.example/?token=llp_secret\n")
FROM = "LedgerLink <no-reply@ledgerlink.example>"
LOGIN = ("ledgerlink", SecretStr("relay password"))


class _Inbox:
    """What the server does with a message."""

    def __init__(self, answer: str = "250 OK") -> None:
        self.answer = answer
        self.taken: list[Envelope] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.taken.append(envelope)
        return self.answer


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail server of the tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM)
    path.write_bytes(pem)
    return path


@pytest.fixture
def trust(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def _knows_us(_server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    expected = LoginPassword(LOGIN[0].encode(), LOGIN[1].get_secret_value().encode())
    return AuthResult(success=mechanism in {"LOGIN", "PLAIN"} and data == expected)


@asynccontextmanager
async def _serving(inbox: _Inbox, certificate: Path, security: Security) -> AsyncIterator[tuple[str, int]]:
    offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    offered.load_cert_chain(certificate)

    def serve() -> SMTP:
        if security == "starttls":
            return SMTP(inbox, tls_context=offered, require_starttls=True, authenticator=_knows_us, auth_required=True)
        return SMTP(inbox, authenticator=_knows_us, auth_require_tls=False)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(serve, "127.0.0.1", 0, ssl=offered if security == "tls" else None)
    try:
        yield server.sockets[0].getsockname()[:2]
    finally:
        server.close()


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
async def test_a_mail_server_takes_a_message(certificate: Path, trust: ssl.SSLContext, security: Security) -> None:
    inbox = _Inbox()
    async with _serving(inbox, certificate, security) as server:
        await SmtpSender(server, security, LOGIN, FROM, trust).send(MAIL)
    (taken,) = inbox.taken
    assert (taken.mail_from, taken.rcpt_tos) == ("no-reply@ledgerlink.example", [MAIL.to])
    message = message_from_bytes(taken.original_content or b"", policy=policy.default)
    assert (message["To"], message["From"], message["Subject"]) == (MAIL.to, FROM, MAIL.subject)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().replace("\r\n", "\n") == MAIL.text


async def test_a_server_that_offers_no_encryption_gets_nothing(certificate: Path, trust: ssl.SSLContext) -> None:
    inbox = _Inbox()
    async with _serving(inbox, certificate, "none") as server:
        with pytest.raises(SendFailedError, match="SMTPNotSupportedError"):
            await SmtpSender(server, "starttls", None, FROM, trust).send(MAIL)
    assert inbox.taken == []


async def test_a_server_that_cannot_prove_its_name_gets_nothing(certificate: Path) -> None:
    inbox = _Inbox()
    async with _serving(inbox, certificate, "starttls") as server:
        with pytest.raises(SendFailedError, match="SSLCertVerificationError"):
            await SmtpSender(server, "starttls", LOGIN, FROM).send(MAIL)
    assert inbox.taken == []


async def test_a_refusal_tells_its_code_and_no_address(certificate: Path, trust: ssl.SSLContext) -> None:
    inbox = _Inbox(f"451 {MAIL.to} later")
    async with _serving(inbox, certificate, "starttls") as server:
        with pytest.raises(SendFailedError) as failed:
            await SmtpSender(server, "starttls", LOGIN, FROM, trust).send(MAIL)
    assert str(failed.value) == "SMTPDataError 451"


async def test_a_server_that_is_away_is_a_failure(trust: ssl.SSLContext) -> None:
    with pytest.raises(SendFailedError, match="ConnectionRefusedError"):
        await SmtpSender(("127.0.0.1", 1), "starttls", None, FROM, trust).send(MAIL)


@pytest.mark.parametrize("header", ["ann@ledgerlink.example\r\nBcc: eve@ledgerlink.example", "a@b\nX: y"])
async def test_an_address_cannot_bring_headers_of_its_own(header: str, trust: ssl.SSLContext) -> None:
    with pytest.raises(SendFailedError, match="ValueError"):
        await SmtpSender(("127.0.0.1", 1), "none", None, FROM, trust).send(Mail(header, "x", "y"))


async def test_the_console_shows_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    await ConsoleSender().send(MAIL)
    assert "token=llp_secret" in capsys.readouterr().out
