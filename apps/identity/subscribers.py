"""Which subject goes to which handler. Identity reads no stream: secrets come as requests, which nothing stores."""

from functools import partial

from apps.identity.domain.access_tokens import Issuer
from apps.identity.domain.passwords import Passwords
from apps.identity.handlers.register import register
from apps.identity.queries import get_signing_keys, login
from contracts.identity import GetSigningKeys, Login, Register
from outbox.service import Service


def subscribe(service: Service, issuer: Issuer, passwords: Passwords) -> None:
    """Bind the requests that identity answers."""
    service.answer(Register, partial(register, service.transactions, passwords))
    service.answer(Login, partial(login, issuer, passwords))
    service.answer(GetSigningKeys, partial(get_signing_keys, issuer))
