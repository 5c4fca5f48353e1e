"""Builds the requests that the gateway sends."""

from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pydantic import SecretStr

from contracts.identity import GetSigningKeys, Login, Register
from contracts.ids import new_id
from contracts.message import Envelope, Message, envelope_of

M = TypeVar("M", bound=Message)
PASSWORD = "correct horse battery staple"


def asking(message: M, *, seconds_left: float = 5.0) -> Envelope[M]:
    now = datetime.now(UTC)
    return envelope_of(type(message))(
        id=new_id(),
        source="/ledgerlink/gateway",
        type=message.contract.type,
        time=now,
        correlationid="test",
        deadline=now + timedelta(seconds=seconds_left),
        data=message,
    )


def register_request(email: str = "ann@ledgerlink.example", password: str = PASSWORD) -> Envelope[Register]:
    return asking(Register(email=email, password=SecretStr(password)))


def login_request(email: str = "ann@ledgerlink.example", password: str = PASSWORD) -> Envelope[Login]:
    return asking(Login(email=email, password=SecretStr(password)))


def keys_request() -> Envelope[GetSigningKeys]:
    return asking(GetSigningKeys())
