"""Which subject goes to which handler. Identity reads no stream: secrets come as requests, which nothing stores."""

from functools import partial

from apps.identity.handlers.login import get_signing_keys, login
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.register import register
from contracts.identity import GetSigningKeys, Login, Register
from outbox.service import Service


def subscribe(service: Service, parts: Parts) -> None:
    """Bind the requests that identity answers."""
    _subscribe_accounts(service, parts)
    _subscribe_sessions(service, parts)


def _subscribe_accounts(service: Service, parts: Parts) -> None:
    service.answer(Register, partial(register, parts))


def _subscribe_sessions(service: Service, parts: Parts) -> None:
    service.answer(Login, partial(login, parts))
    service.answer(GetSigningKeys, partial(get_signing_keys, parts))
