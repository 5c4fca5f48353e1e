"""What was revoked: heard by every gateway, asked for by those that were not there, and never simply not known."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.identity import AccessRevoked, GetRevocations, Revocation, RevocationReason, Role
from contracts.ids import new_id
from contracts.message import envelope_of
from contracts.wallet import ListAccounts
from gateway.request_context import Caller
from gateway.revocations import RevocationRules, RevocationView
from gateway.settings import GatewaySettings
from gateway.tests.conftest import Gateway, running
from gateway.tests.scripted_services import ScriptedServices, completed, until
from outbox.publisher import Said, publish
from tests.servers import NatsServer

LONG = 60.0  # seconds that a test never has to wait, as it ends before


@pytest.fixture(autouse=True)
def _wallets(services: ScriptedServices) -> None:
    services.answers[ListAccounts] = lambda _: completed({"accounts": []})


@pytest.fixture
async def another_gateway(settings: Callable[..., GatewaySettings]) -> AsyncIterator[Gateway]:
    async with running(settings()) as gateway:
        yield gateway


def revoked(**what: Any) -> AccessRevoked:
    return AccessRevoked(reason=RevocationReason.LOGGED_OUT, revoked_at=datetime.now(UTC), **what)


def told(services: ScriptedServices, *revocations: Revocation) -> None:
    """Let identity answer these from now on."""
    shown = [one.model_dump(mode="json") for one in revocations]
    services.answers[GetRevocations] = lambda _: completed({"revocations": shown, "as_of": _now()})


def _now() -> str:
    return datetime.now(UTC).isoformat()


async def status(gateway: Gateway, headers: dict[str, str]) -> int:
    return (await gateway.http.get("/v1/wallets", headers=headers)).status_code


async def becomes(gateway: Gateway, headers: dict[str, str], wanted: int) -> None:
    """Ask until the answer has that status. Raises TimeoutError."""
    async with asyncio.timeout(LONG):
        while await status(gateway, headers) != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_revocation_reaches_every_gateway(
    gateway: Gateway, another_gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    session, other = new_id(), services.signer.bearer(user)
    mine = services.signer.bearer(user, sid=str(session))
    for where in (gateway, another_gateway):
        assert await status(where, mine) == 200
    await services.say(revoked(user_id=user, grants=[session]))
    for where in (gateway, another_gateway):
        await becomes(where, mine, 401)
        assert await status(where, other) == 200
    answer = await gateway.http.get("/v1/wallets", headers=mine)
    assert answer.json()["code"] == "invalid_token"
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


async def test_a_revocation_is_heard_out_of_an_atomic_batch(
    gateway: Gateway, services: ScriptedServices, nats_server: NatsServer, user: UUID
) -> None:
    """As identity's relay publishes them when there are many."""
    sessions = [new_id() for _ in range(200)]
    contract = AccessRevoked.contract
    batch = []
    for position, session in enumerate(sessions, start=1):
        envelope = envelope_of(AccessRevoked)(
            id=new_id(),
            source="/ledgerlink/test",
            type=contract.type,
            time=datetime.now(UTC),
            correlationid="test",
            data=revoked(user_id=user, grants=[session]),
        )
        batch.append(Said(position, envelope.id, contract.subject, envelope.encode().decode()))
    connection = await nats_server.connect("identity")
    await publish(connection, str(contract.stream), batch)
    await connection.close()
    await until(lambda: gateway.parts.revocations.known == len(sessions), LONG)
    assert await status(gateway, services.signer.bearer(user, sid=str(sessions[100]))) == 401


async def test_another_role_ends_the_tokens_of_the_old_one(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    old, new = services.signer.bearer(user, ver=3), services.signer.bearer(user, ver=4)
    assert await status(gateway, old) == 200
    await services.say(revoked(user_id=user, version=4))
    await becomes(gateway, old, 401)
    assert await status(gateway, new) == 200
    assert await status(gateway, services.signer.bearer(user, ver=None)) == 401
    assert await status(gateway, services.signer.bearer(new_id(), ver=3)) == 200
    await services.say(revoked(user_id=user, version=2))  # said again, such as after the broker forgot
    await services.say(revoked(user_id=user, version=5))
    await becomes(gateway, new, 401)


async def test_a_client_of_its_own_ends_with_its_grant(gateway: Gateway, services: ScriptedServices) -> None:
    client = new_id()
    own = {"sid": str(client), "role": "service", "ver": None, "acr": None, "auth_time": None, "amr": None}
    headers = services.signer.bearer(client, **own)
    assert await status(gateway, headers) == 200
    await services.say(revoked(grants=[client]))
    await becomes(gateway, headers, 401)


async def test_what_a_client_has_of_users_ends_with_it(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    """At once, although its sessions end some thousands at a time, and those of a deactivated owner's do not."""
    client = new_id()
    headers = services.signer.bearer(user, client_id=str(client))
    another = services.signer.bearer(user, client_id=str(new_id()))
    assert await status(gateway, headers) == 200
    await services.say(revoked(grants=[client]))
    await becomes(gateway, headers, 401)
    assert await status(gateway, another) == 200


async def test_a_gateway_that_was_not_there_knows_it_all_the_same(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, user: UUID
) -> None:
    session = new_id()
    now = datetime.now(UTC)
    told(
        services,
        Revocation(grant=session, revoked_at=now),
        Revocation(user_id=user, version=7, revoked_at=now),
    )
    async with running(settings()) as gateway:
        assert await status(gateway, services.signer.bearer(new_id(), sid=str(session))) == 401
        assert await status(gateway, services.signer.bearer(user, ver=6)) == 401
        assert await status(gateway, services.signer.bearer(user, ver=7)) == 200


async def test_what_was_not_heard_is_asked_for(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, user: UUID
) -> None:
    session = new_id()
    headers = services.signer.bearer(user, sid=str(session))
    async with running(settings(revocation_poll_seconds=0.05)) as gateway:
        assert await status(gateway, headers) == 200
        told(services, Revocation(grant=session, revoked_at=datetime.now(UTC) - timedelta(seconds=20)))
        await becomes(gateway, headers, 401)
    asked = [envelope.data.since for envelope in services.heard if isinstance(envelope.data, GetRevocations)]
    assert asked[0] is None
    assert (asked[-1] or datetime.now(UTC)) <= datetime.now(UTC) - timedelta(seconds=60), (
        "what was being committed then is told only later"
    )


async def test_all_pages_are_read(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, user: UUID
) -> None:
    at = datetime.now(UTC)
    lines = [Revocation(id=new_id(), grant=new_id(), revoked_at=at + timedelta(milliseconds=n // 2)) for n in range(7)]

    def page(query: GetRevocations) -> Any:
        first = next((n + 1 for n, line in enumerate(lines) if line.id == query.after), 0)
        shown = [line.model_dump(mode="json") for line in lines[first : first + 2]]
        return completed({"revocations": shown, "as_of": _now(), "has_more": first + 2 < len(lines)})

    services.answers[GetRevocations] = page
    async with running(settings()) as gateway:
        for line in lines:
            assert await status(gateway, services.signer.bearer(user, sid=str(line.grant))) == 401
    asked = [envelope.data for envelope in services.heard if isinstance(envelope.data, GetRevocations)]
    assert [(query.since, query.after) for query in asked[:3]] == [
        (None, None),
        (lines[1].revoked_at, lines[1].id),
        (lines[3].revoked_at, lines[3].id),
    ]


async def test_pages_without_end_are_no_answer(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.revocations._MOST_PAGES", 3)
    line = Revocation(id=new_id(), grant=new_id(), revoked_at=datetime.now(UTC)).model_dump(mode="json")
    services.answers[GetRevocations] = lambda _: completed({"revocations": [line], "as_of": _now(), "has_more": True})
    async with running(settings(), ready=False) as gateway:
        await until(lambda: sum(isinstance(e.data, GetRevocations) for e in services.heard) > 6, LONG)
        assert gateway.parts.revocations.is_stale


async def test_who_cannot_know_accepts_no_token(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, user: UUID
) -> None:
    """Also not one that was accepted a moment ago; and once identity answers, all goes on."""
    headers = services.signer.bearer(user)
    async with running(settings(revocation_poll_seconds=0.1, revocation_staleness_seconds=2.0)) as gateway:
        await becomes(gateway, headers, 200)
        answers = services.answers.pop(GetRevocations)
        await becomes(gateway, headers, 503)
        answer = await gateway.http.get("/v1/wallets", headers=headers)
        assert (answer.json()["code"], answer.headers["Retry-After"]) == ("unavailable", "1")
        assert (await gateway.http.get("/v1/wallets")).status_code == 401  # without a token there is nothing to know
        ready = await gateway.http.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["revocations"]) == (503, "not known")
        services.answers[GetRevocations] = answers
        await becomes(gateway, headers, 200)
        assert (await gateway.http.get("/readyz")).status_code == 200


async def test_a_gateway_that_knows_nothing_yet_accepts_no_token(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, user: UUID
) -> None:
    del services.answers[GetRevocations]
    async with running(settings(query_seconds=0.1), ready=False) as gateway:
        await until(lambda: gateway.parts.keys.are_known, LONG)
        assert await status(gateway, services.signer.bearer(user)) == 503
        assert (await gateway.http.get("/readyz")).status_code == 503


async def test_what_cannot_be_read_is_asked_for(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, nats_server: NatsServer, user: UUID
) -> None:
    session = new_id()
    headers = services.signer.bearer(user, sid=str(session))
    async with running(settings(revocation_poll_seconds=LONG)) as gateway:
        assert await status(gateway, headers) == 200
        told(services, Revocation(grant=session, revoked_at=datetime.now(UTC)))
        connection = await nats_server.connect("identity")
        await connection.publish(AccessRevoked.contract.subject, b"{}")
        await becomes(gateway, headers, 401)
        await connection.close()


async def test_after_a_reconnection_it_is_asked_what_was_said_meanwhile(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, nats_server: NatsServer, user: UUID
) -> None:
    session = new_id()
    headers = services.signer.bearer(user, sid=str(session))
    async with running(settings(revocation_poll_seconds=LONG)) as gateway:
        assert await status(gateway, headers) == 200
        await nats_server.kill()
        told(services, Revocation(grant=session, revoked_at=datetime.now(UTC)))
        await nats_server.start()
        await becomes(gateway, headers, 401)


async def test_metrics_tell_how_much_is_known_and_how_old_it_is(gateway: Gateway, services: ScriptedServices) -> None:
    await services.say(revoked(grants=[new_id(), new_id()]))
    await until(lambda: gateway.parts.revocations.known == 2)
    metrics = (await gateway.http.get("/metrics")).text
    assert "ledgerlink_revocations_known 2.0" in metrics
    (age,) = [line.split()[1] for line in metrics.splitlines() if line.startswith("ledgerlink_revocations_age_seconds")]
    assert 0 <= float(age) < 30


def view(most: int = 10, token_seconds: float = 900) -> RevocationView:
    queries: Any = None  # it asks nobody here
    return RevocationView(queries, RevocationRules(5, 30, token_seconds, most))


def of(grant: UUID, issued_at: float, client: UUID | None = None) -> Caller:
    name = str(client or "ledgerlink")
    expires_at = issued_at + 900
    return Caller(new_id(), Role.CUSTOMER, frozenset(), expires_at, name, grant, 1, issued_at=issued_at, client=client)


@pytest.mark.parametrize("own", [False, True])
def test_a_client_that_comes_back_is_believed_again(own: bool) -> None:
    """Its owner was deactivated and reactivated: its tokens of before have ended, those that it gets now hold."""
    known, now, client = view(), datetime.now(UTC), new_id()
    grant = client if own else new_id()
    known._take([Revocation(grant=client, revoked_at=now - timedelta(minutes=5))])
    before, meanwhile, later = (of(grant, now.timestamp() - ago, client) for ago in (400, 299, 10))
    assert known.has_ended(before)
    assert known.has_ended(meanwhile), "it was being issued while its client ended"
    assert not known.has_ended(later)
    known._take([Revocation(grant=client, revoked_at=now)])
    assert known.has_ended(later)
    assert known.known == 1


def test_no_session_comes_back() -> None:
    known, now, session = view(), datetime.now(UTC), new_id()
    known._take([Revocation(grant=session, revoked_at=now - timedelta(minutes=5))])
    assert known.has_ended(of(session, now.timestamp()))
    assert known.has_ended(of(session, now.timestamp(), new_id()))


def test_what_concerns_no_token_any_more_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    known, now = view(), datetime.now(UTC)
    old, young = new_id(), new_id()
    known._take([Revocation(grant=new_id(), revoked_at=now - timedelta(days=1))])
    assert known.known == 0
    known._take([Revocation(grant=old, revoked_at=now), Revocation(user_id=new_id(), version=2, revoked_at=now)])
    later = time.time() + 1000
    monkeypatch.setattr("gateway.revocations.time.time", lambda: later)
    known._take([Revocation(grant=young, revoked_at=datetime.fromtimestamp(later, UTC))])
    known._tidy()
    assert list(known._ended) == [young]
    assert known.known == 1


def test_more_than_can_be_remembered_refuses_old_tokens_rather_than_believe_one() -> None:
    known, now = view(most=5), datetime.now(UTC)
    grants = [new_id() for _ in range(20)]
    known._take([Revocation(grant=g, revoked_at=now + timedelta(seconds=n)) for n, g in enumerate(grants)])
    known._tidy()
    assert known.known == 5
    assert all(known.has_ended(of(grant, now.timestamp() - 10)) for grant in grants)
    assert known.has_ended(of(new_id(), now.timestamp() - 10)), "nobody knows whether it was among the forgotten"
    assert not known.has_ended(of(new_id(), now.timestamp() + 600))
