"""The whole service as a process runs it: a request in, a decision or a dead letter out, over a real NATS."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson
import pytest
from nats.aio.client import Client
from prometheus_client import REGISTRY
from pydantic import SecretStr

from apps.risk.handlers.rule_sets import install_baseline
from apps.risk.main import build
from apps.risk.settings import RiskSettings
from apps.risk.tests.case_desk import enveloped
from apps.risk.tests.desk import ANSWER_TO, changed, deciding, listing, request
from apps.risk.tests.rule_sets import document, limits, rule
from apps.risk.tests.screening_desk import listing as denying
from apps.risk.tests.test_limits_in_use import ended
from contracts.ids import new_id
from contracts.message import Outcome, Reply, decode
from contracts.payments import PaymentStatus
from contracts.risk import GetDecision, ListReviews
from outbox import consumer
from outbox.service import Service
from tests.fresh_databases import FreshDatabaseFactory
from tests.servers import NatsServer
from tests.waiting import eventually


@pytest.fixture
async def database_url(fresh_database: FreshDatabaseFactory) -> str:
    return (await fresh_database("risk")).url


@pytest.fixture
async def service(database_url: str, nats_server: NatsServer) -> Service:
    await nats_server.provision()
    return _service(database_url, nats_server, answer_seconds=60)


def _service(database_url: str, nats_server: NatsServer, *, answer_seconds: float) -> Service:
    settings = RiskSettings(
        database_url=SecretStr(database_url),
        nats_url=nats_server.url,
        nats_seed=SecretStr(nats_server.seeds["risk"]),
        http_port=1,
        answer_seconds=answer_seconds,
    )
    return build(settings, limits(amount=20, review_amount=10))


@pytest.fixture
async def operator(nats_server: NatsServer) -> AsyncIterator[Client]:
    connection = await nats_server.connect("provisioner")
    yield connection
    await connection.close()


async def test_decisions_and_a_dead_letter_over_nats(
    service: Service, nats_server: NatsServer, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "BACK_OFF_SECONDS", (0.05,))
    payments = await nats_server.connect("payments")
    good, large = request(new_id(), 1), request(new_id(), 20_01)
    nowhere = request(new_id(), 1, replyto="risk.decisions.nobody")
    for command in (good, nowhere, large):
        await payments.jetstream().publish(command.data.contract.subject, command.encode())
    async with service.app().start_lifespan_context():
        decisions = await _stored(operator, "RISK_DECISIONS", 2)
        assert {d["causationid"]: d["data"]["outcome"] for d in decisions} == {
            str(good.id): "approve",
            str(large.id): "decline",
        }
        [letter] = await _stored(operator, "DEAD_LETTERS", 1)
        assert "replyto must be risk.decisions.<service>" in letter["data"]["reason"]
    await payments.close()


async def test_an_analyst_decides_over_nats(service: Service, nats_server: NatsServer, operator: Client) -> None:
    payments, gateway = await nats_server.connect("payments"), await nats_server.connect("gateway")
    waiting = request(new_id(), 15_00)
    answers = await gateway.subscribe(ANSWER_TO)
    await payments.jetstream().publish(waiting.data.contract.subject, waiting.encode())
    async with service.app().start_lifespan_context():
        [review] = await _stored(operator, "RISK_DECISIONS", 1)
        assert review["data"]["outcome"] == "review"
        listed = await gateway.request(ListReviews.contract.subject, listing().encode(), timeout=5)
        [open_review] = decode(listed.data, Reply).data.resource["reviews"]
        assert open_review["payment_intent_id"] == str(waiting.data.payment_intent_id)
        command = deciding(waiting, "approve")
        await gateway.publish(command.data.contract.subject, command.encode())
        answer = decode((await answers.next_msg(timeout=10)).data, Reply)
        assert (answer.causationid, answer.data.resource["outcome"]) == (command.id, "approve")
        decided = (await _stored(operator, "RISK_DECISIONS", 2))[1]
        assert (decided["data"]["outcome"], decided["causationid"]) == ("approve", str(command.id))
        listed = await gateway.request(ListReviews.contract.subject, listing().encode(), timeout=5)
        assert decode(listed.data, Reply).data.resource == {"reviews": []}
    await payments.close()
    await gateway.close()


async def test_while_the_database_hangs_the_active_rules_policy_answers_and_the_decision_follows(
    database_url: str, nats_server: NatsServer, operator: Client
) -> None:
    await nats_server.provision()
    service = _service(database_url, nats_server, answer_seconds=0.3)
    policy = [{"up_to": 5, "outcome": "approve"}, {"up_to": None, "outcome": "decline"}]
    other = document(rule("anything"), degraded=policy)
    await service.database.open()
    await install_baseline(service.transactions, other)
    await service.database.close()
    small, large = request(new_id(), 5_00), request(new_id(), 5_01)
    payments, gateway = await nats_server.connect("payments"), await nats_server.connect("gateway")
    someone = await asyncpg.connect(database_url)
    async with service.app().start_lifespan_context():
        await someone.execute("SELECT pg_advisory_lock(7101)")  # nobody decides (store.decisions)
        for command in (small, large):
            await payments.jetstream().publish(command.data.contract.subject, command.encode())
        answers = await _stored(operator, "RISK_DECISIONS", 2)
        assert {a["causationid"]: a["data"]["outcome"] for a in answers} == {
            str(small.id): "approve",
            str(large.id): "decline",
        }
        assert all(a["data"]["degraded"] and a["data"]["rule_set"] == other.hash for a in answers)
        await someone.close()
        decided = (await _stored(operator, "RISK_DECISIONS", 4))[2:]
        assert [(d["data"]["outcome"], d["data"].get("degraded", False)) for d in decided] == [("approve", False)] * 2
        query = enveloped(GetDecision(assessment_id=large.data.assessment_id), replyto=None)

        async def recorded() -> Any:
            answer = await gateway.request(GetDecision.contract.subject, query.encode(), timeout=5)
            known = decode(answer.data, Reply).data.resource
            return known if known.get("degraded_outcome") else None

        kept = await eventually("what was answered is recorded", recorded)
        assert (kept["outcome"], kept["degraded_outcome"]) == ("approve", "decline")
    await payments.close()
    await gateway.close()


async def test_what_is_denied_is_not_approved_at_the_deadline(
    database_url: str, nats_server: NatsServer, operator: Client
) -> None:
    """What an analyst has listed while the process runs is known to it when nobody can decide."""
    await nats_server.provision()
    service = _service(database_url, nats_server, answer_seconds=0.3)
    denied, fine = changed(request(new_id(), 5_00), country="KP"), changed(request(new_id(), 5_00), country="DE")
    payments, gateway = await nats_server.connect("payments"), await nats_server.connect("gateway")
    answers = await gateway.subscribe(ANSWER_TO)
    someone = await asyncpg.connect(database_url)
    async with service.app().start_lifespan_context():
        entry = denying(kind="country", value="KP")
        await gateway.publish(entry.data.contract.subject, entry.encode())
        assert decode((await answers.next_msg(timeout=10)).data, Reply).data.outcome is Outcome.COMPLETED
        added_at = time.time()

        async def read_again() -> bool:
            return (REGISTRY.get_sample_value("ledgerlink_risk_denials_read_timestamp_seconds") or 0) > added_at + 0.1

        await eventually("the deny list is read again", read_again)
        await someone.execute("SELECT pg_advisory_lock(7101)")  # nobody decides (store.decisions)
        for command in (denied, fine):
            await payments.jetstream().publish(command.data.contract.subject, command.encode())
        said = await _stored(operator, "RISK_DECISIONS", 2)
        assert {a["causationid"]: (a["data"]["outcome"], a["data"].get("degraded")) for a in said} == {
            str(denied.id): ("review", True),
            str(fine.id): ("approve", True),
        }
        await someone.close()
    await payments.close()
    await gateway.close()


async def test_what_went_through_before_it_was_decided_counts_and_is_not_reviewed(
    database_url: str, nats_server: NatsServer, operator: Client
) -> None:
    await nats_server.provision()
    service = _service(database_url, nats_server, answer_seconds=0.3)
    asked = request(new_id(), 15_00)  # the policy approves it, the rules send it to review
    payments = await nats_server.connect("payments")
    someone = await asyncpg.connect(database_url)
    async with service.app().start_lifespan_context():
        await someone.execute("SELECT pg_advisory_lock(7101)")  # nobody decides (store.decisions)
        await payments.jetstream().publish(asked.data.contract.subject, asked.encode())
        [answer] = await _stored(operator, "RISK_DECISIONS", 1)
        assert (answer["data"]["outcome"], answer["data"]["degraded"]) == ("approve", True)
        event = ended(asked, PaymentStatus.SUCCEEDED, 15_00, datetime.now(UTC))
        await payments.jetstream().publish(event.data.contract.subject, event.encode())

        async def is_heard() -> bool:
            return bool(await someone.fetchval("SELECT true FROM moved_payment WHERE settled_by IS NULL"))

        await eventually("the payment's end is heard", is_heard)
        await someone.execute("SELECT pg_advisory_unlock(7101)")

        async def closed() -> Any:
            return await someone.fetchrow("SELECT id, closed_at FROM risk_case WHERE status = 'canceled'")

        case = await eventually("the case is closed", closed)
        assert case["id"] == asked.data.assessment_id
        assert await someone.fetchval("SELECT used FROM limit_use WHERE payer = $1", asked.data.payer) == 15_00
    await someone.close()
    await payments.close()


async def _stored(operator: Client, stream: str, count: int) -> list[dict[str, Any]]:
    """Wait until a stream holds so many messages; return them."""
    async with asyncio.timeout(30):
        while True:
            if (await operator.jetstream().stream_info(stream)).state.messages >= count:
                break
            await asyncio.sleep(0.05)
    stored = [await operator.jetstream().get_msg(stream, n) for n in range(1, count + 1)]
    return [orjson.loads(message.data or b"") for message in stored]
