"""Composition root of the identity service."""

from datetime import timedelta
from functools import partial

from apps.identity.domain.access_tokens import Issuer
from apps.identity.domain.passkeys import RelyingParty
from apps.identity.domain.passwords import Argon2Cost, Passwords
from apps.identity.domain.sealing import Sealer
from apps.identity.domain.secret_tokens import Derivation
from apps.identity.domain.signing_keys import Keyring, Schedule
from apps.identity.handlers.parts import Lifetimes, Parts
from apps.identity.handlers.register import ensure_account
from apps.identity.handlers.signing_keys import ready_keys
from apps.identity.settings import IdentitySettings
from apps.identity.subscribers import FORGET_SECONDS, subscribe
from apps.identity.workers.send_messages import Mailing, MessageWorker, Sender, forget_messages
from apps.identity.workers.senders import ConsoleSender, SmtpSender
from contracts.identity import Role
from outbox.service import Service


def build(settings: IdentitySettings) -> Service:
    """Wire the service. Raises ValueError when one of the keys is none."""
    service = Service("identity", settings)
    parts = Parts(
        transactions=service.transactions,
        passwords=passwords_of(settings),
        sealer=Sealer(settings.secrets_key.get_secret_value().split(",")),
        derivation=Derivation(settings.token_key.get_secret_value().split(",")),
        issuer=issuer_of(settings),
        lifetimes=Lifetimes(session=timedelta(days=settings.session_days), idle=timedelta(days=settings.idle_days)),
        relying_party=RelyingParty(settings.passkey_rp_id, tuple(settings.passkey_origins.split(","))),
        schedule=Schedule(
            every=timedelta(days=settings.key_rotation_days),
            ahead=timedelta(seconds=settings.key_ahead_seconds),
            token_lifetime=timedelta(seconds=settings.token_seconds),
        ),
    )
    subscribe(service, parts)
    mailing = Mailing(sender_of(settings), parts.sealer, parts.lifetimes, settings.public_url.rstrip("/"))
    service.work(MessageWorker(service.transactions, mailing))
    service.every(FORGET_SECONDS, forget_messages)
    service.before_start(partial(ready_keys, parts))
    first = (
        (settings.operator_email, settings.operator_password, Role.OPERATOR),
        (settings.admin_email, settings.admin_password, Role.ADMIN),
    )
    for email, password, role in first:
        service.before_start(partial(ensure_account, parts, email, password.get_secret_value(), role))
    return service


def issuer_of(settings: IdentitySettings) -> Issuer:
    """Return the token issuer that the settings describe."""
    return Issuer(
        keyring=Keyring(),
        issuer=settings.issuer,
        audience=settings.audience,
        lifetime=timedelta(seconds=settings.token_seconds),
    )


def passwords_of(settings: IdentitySettings) -> Passwords:
    """Return the password hashing that the settings describe."""
    cost = Argon2Cost(settings.argon2_memory_kib, settings.argon2_time_cost, settings.argon2_lanes)
    return Passwords(cost, settings.hashing_threads)


def sender_of(settings: IdentitySettings) -> Sender:
    """Return the way to users that the settings describe."""
    if settings.sender == "console":
        return ConsoleSender()
    login = (settings.smtp_user, settings.smtp_password) if settings.smtp_user else None
    return SmtpSender((settings.smtp_host, settings.smtp_port), settings.smtp_security, login, settings.smtp_from)


def run() -> None:
    """Run the service until SIGTERM."""
    build(IdentitySettings()).run()
