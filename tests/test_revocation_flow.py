"""What ends at one gateway ends at every other one: sessions that users end, and those whose tokens were stolen."""

from typing import Any

import asyncpg
import httpx
import pytest

from contracts.identity import FIRST_PARTY_CLIENT
from tests.fresh_databases import FreshDatabaseFactory
from tests.identity_and_gateways import IdentityAndGateways, bearer, identity_and_gateways
from tests.servers import NatsServer
from tests.waiting import eventually

ANN = "ann@ledgerlink.example"


@pytest.fixture
async def database_url(fresh_database: FreshDatabaseFactory) -> str:
    return (await fresh_database("identity")).url


async def _refused_everywhere(system: IdentityAndGateways, session: dict[str, Any]) -> None:
    """Wait until no gateway takes a session's access token any more, which says that it was revoked."""
    for gateway in system.gateways:

        async def refused(gateway: httpx.AsyncClient = gateway) -> bool:
            answer = await gateway.get("/v1/sessions", headers=bearer(session))
            return answer.status_code == 401 and "revoked" in answer.json()["detail"]

        await eventually("the access token is refused", refused)


async def _accepted_everywhere(system: IdentityAndGateways, session: dict[str, Any]) -> None:
    for gateway in system.gateways:
        assert (await gateway.get("/v1/sessions", headers=bearer(session))).status_code == 200


async def _refresh(gateway: httpx.AsyncClient, token: str) -> httpx.Response:
    form = {"grant_type": "refresh_token", "client_id": FIRST_PARTY_CLIENT, "refresh_token": token}
    return await gateway.post("/oauth/token", data=form)


async def test_users_log_out_here_elsewhere_and_everywhere_else(
    database_url: str, nats_server: NatsServer, valkey_url: str
) -> None:
    async with identity_and_gateways(database_url, nats_server, valkey_url) as system:
        here, there = system.gateways
        bob = await system.register("bob@ledgerlink.example")
        own, phone, tablet = await system.register(ANN), await system.log_in(ANN), await system.log_in(ANN)
        listed = (await there.get("/v1/sessions", headers=bearer(own))).json()["sessions"]
        assert [session["id"] for session in listed if session["current"]] == [own["session_id"]]
        assert {session["id"] for session in listed} == {s["session_id"] for s in (own, phone, tablet)}

        ended = await here.delete(f"/v1/sessions/{phone['session_id']}", headers=bearer(own))
        assert ended.status_code == 204
        await _refused_everywhere(system, phone)
        again = await there.delete(f"/v1/sessions/{phone['session_id']}", headers=bearer(own))
        assert (again.status_code, again.json()["code"]) == (404, "session_not_found")
        not_hers = await there.delete(f"/v1/sessions/{bob['session_id']}", headers=bearer(own))
        assert (not_hers.status_code, not_hers.json()["code"]) == (404, "session_not_found")

        assert (await there.delete("/v1/sessions", headers=bearer(own))).status_code == 204
        await _refused_everywhere(system, tablet)
        refused = await _refresh(here, tablet["refresh_token"])
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
        await _accepted_everywhere(system, own)
        await _accepted_everywhere(system, bob)


async def test_a_stolen_refresh_token_ends_what_it_gave_and_what_it_was_stolen_from(
    database_url: str, nats_server: NatsServer, valkey_url: str
) -> None:
    async with identity_and_gateways(database_url, nats_server, valkey_url) as system:
        here, there = system.gateways
        first = await system.register(ANN)
        other = await system.log_in(ANN)
        second = (await _refresh(here, first["refresh_token"])).json()
        await _accepted_everywhere(system, second)
        await _let_the_grace_pass(database_url)
        replayed = await _refresh(there, first["refresh_token"])
        assert (replayed.status_code, replayed.json()["error"]) == (400, "invalid_grant")
        for session in (first, second):
            await _refused_everywhere(system, session)
        assert (await _refresh(here, second["refresh_token"])).status_code == 400
        await _accepted_everywhere(system, other)


async def _let_the_grace_pass(database_url: str) -> None:
    """Say that all tokens were replaced a minute ago."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "UPDATE user_session SET replaced = ARRAY(SELECT at - interval '1 minute' FROM unnest(replaced) AS at)"
    )
    await connection.close()
