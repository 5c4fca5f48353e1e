"""An API that answers as it is told, and a clock that only goes on when somebody sleeps."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from ledgerlink_client import Authentication, LedgerLink, Retries
from ledgerlink_client.transport import Transport

Scripted = httpx.Response | Exception
Answering = Callable[[httpx.Request], Awaitable[httpx.Response]]


class Clock:
    """Time in seconds; `slept` is every pause."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Api:
    """Answers requests in the order of its script, or by a function; keeps what was asked."""

    script: list[Scripted] = field(default_factory=list)
    answering: Answering | None = None
    asked: list[httpx.Request] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.answering is not None:
            return await self.answering(request)
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, who: Authentication | None = None, retries: Retries | None = None, **other: Any) -> LedgerLink:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self), base_url="http://api.example")
        transport = Transport(http, retries or steady(), sleep=self.clock.sleep, clock=self.clock)
        return LedgerLink(transport, who, **other)


def steady(**changes: Any) -> Retries:
    """Return how patient a client is, without chance."""
    return Retries(chance=lambda: 1.0, **changes)


def problem(status: int, code: str, headers: dict[str, str] | None = None, **members: Any) -> httpx.Response:
    body = {"type": f"/problems/{code}", "title": "", "status": status, "detail": code, "code": code} | members
    return httpx.Response(status, json=body, headers=headers)


def recorded(location: str) -> httpx.Response:
    body = {"id": location.rsplit("/", maxsplit=1)[-1], "status": "processing"}
    return httpx.Response(202, json=body, headers={"Location": location})


WALLET: dict[str, Any] = {
    "id": "01990f3e-6a00-7b11-8c22-3d33e44f5501",
    "currency": "EUR",
    "balance": 0,
    "created_at": "2026-01-05T09:31:00.000000Z",
    "frozen": "sideways",
    "tomorrows_member": {"new": True},
}
INTENT: dict[str, Any] = {
    "id": "01990f3e-8d40-7e66-af77-7a88b99c0001",
    "customer": "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a01",
    "amount": 1250,
    "currency": "EUR",
    "status": "succeeded",
    "created_at": "2026-01-05T09:32:00.000000Z",
    "updated_at": "2026-01-05T09:32:00.012000Z",
}


def token(number: int, **members: Any) -> httpx.Response:
    body = {"access_token": f"access-{number}", "token_type": "Bearer", "expires_in": 900, "scope": "wallets"}
    return httpx.Response(201, json=body | members)
