"""Composition root of the identity service."""

from datetime import timedelta
from functools import partial

from apps.identity.domain.access_tokens import Issuer, SigningKey
from apps.identity.domain.passwords import Argon2Cost, Passwords
from apps.identity.handlers.register import ensure_operator
from apps.identity.settings import IdentitySettings
from apps.identity.subscribers import subscribe
from outbox.service import Service


def build(settings: IdentitySettings) -> Service:
    """Wire the service. Raises TypeError or ValueError when the signing key is none."""
    service = Service("identity", settings)
    passwords = passwords_of(settings)
    subscribe(service, issuer_of(settings), passwords)
    email, password = settings.operator_email, settings.operator_password.get_secret_value()
    service.before_start(partial(ensure_operator, service.transactions, passwords, email, password))
    return service


def issuer_of(settings: IdentitySettings) -> Issuer:
    """Return the token issuer that the settings describe."""
    return Issuer(
        key=SigningKey(settings.signing_key.get_secret_value()),
        issuer=settings.issuer,
        audience=settings.audience,
        client_id=settings.client_id,
        lifetime=timedelta(seconds=settings.token_seconds),
    )


def passwords_of(settings: IdentitySettings) -> Passwords:
    """Return the password hashing that the settings describe."""
    cost = Argon2Cost(settings.argon2_memory_kib, settings.argon2_time_cost, settings.argon2_lanes)
    return Passwords(cost, settings.hashing_threads)


def run() -> None:
    """Run the service until SIGTERM."""
    build(IdentitySettings()).run()
