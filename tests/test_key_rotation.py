"""Ten rotations of the signing key under load, with replicas and gateways of which each learns of them by itself."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx
import jwt

from contracts.identity import FIRST_PARTY_CLIENT
from outbox.ending import end
from tests.fresh_databases import FreshDatabaseFactory
from tests.identity_and_gateways import ADMIN, IdentityAndGateways, bearer, identity_and_gateways
from tests.servers import NatsServer
from tests.waiting import eventually

ROTATIONS = 10
CUSTOMERS = 4


class Customer:
    """Logs in, refreshes, and reads at the other gateway, again and again; whatever is not a success is noted."""

    def __init__(self, system: IdentityAndGateways, email: str, answers: Counter[str]) -> None:
        self._system, self._email, self._answers = system, email, answers
        self.kids: Counter[str] = Counter()

    async def live(self) -> None:
        for turn in count():
            here, there = self._system.gateways[turn % 2], self._system.gateways[1 - turn % 2]
            session = await self._system.log_in(self._email)
            await self._read(there, session)
            form = {
                "grant_type": "refresh_token",
                "client_id": FIRST_PARTY_CLIENT,
                "refresh_token": session["refresh_token"],
            }
            refreshed = await here.post("/oauth/token", data=form)
            self._note("refresh", refreshed)
            await self._read(there, refreshed.json())

    async def _read(self, gateway: httpx.AsyncClient, session: dict[str, Any]) -> None:
        self.kids[jwt.get_unverified_header(session["access_token"])["kid"]] += 1
        self._note("read", await gateway.get("/v1/sessions", headers=bearer(session)))

    def _note(self, what: str, answer: httpx.Response) -> None:
        self._answers[f"{what} {answer.status_code}" + ("" if answer.is_success else f" {answer.text}")] += 1


async def test_ten_rotations_under_load_fail_no_request(
    fresh_database: FreshDatabaseFactory, nats_server: NatsServer, valkey_url: str
) -> None:
    database = (await fresh_database("identity")).url
    async with identity_and_gateways(database, nats_server, valkey_url, key_ahead_seconds=2.0) as system:
        old = await system.register("ann@ledgerlink.example")
        emails = [f"customer-{n}@ledgerlink.example" for n in range(CUSTOMERS)]
        for email in emails:
            await system.register(email)
        admin = await system.log_in(ADMIN)
        answers: Counter[str] = Counter()
        customers = [Customer(system, email, answers) for email in emails]
        lives = [asyncio.create_task(customer.live()) for customer in customers]
        kids = [(await _keys(system, admin))[0]["kid"]]
        for _ in range(ROTATIONS):
            rotated = await system.gateways[0].post("/v1/signing_keys", headers=bearer(admin))
            assert rotated.status_code == 201, rotated.text
            kids.append(rotated.json()["kid"])

            async def all_have_it(kid: str = kids[-1]) -> bool:
                broken = [life for life in lives if life.done()]
                return bool(broken) or all(customer.kids[kid] for customer in customers)

            await eventually("every customer has a token of the new key", all_have_it, deadline=60)
        await end(lives)
        assert [life.exception() for life in lives if not life.cancelled()] == []
        assert set(answers) == {"refresh 200", "read 200"}
        for gateway in system.gateways:  # also of a token whose key ten others have followed
            assert (await gateway.get("/v1/sessions", headers=bearer(old))).status_code == 200
        listed = await _keys(system, admin)
        assert [key["kid"] for key in listed] == kids[::-1]
        assert datetime.fromisoformat(listed[0]["signs_from"]) <= datetime.now(UTC)


async def _keys(system: IdentityAndGateways, admin: dict[str, Any]) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = (await system.gateways[1].get("/v1/signing_keys", headers=bearer(admin))).json()[
        "keys"
    ]
    return keys
