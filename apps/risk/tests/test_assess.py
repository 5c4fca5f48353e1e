import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from apps.risk.tests.desk import REPLY_TO, Desk, again, request
from apps.risk.tests.rule_sets import limits
from contracts.ids import new_id

TOO_LARGE = "decline limit_exceeded amount_limit large_payment_review large_amount"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def test_the_decision_goes_to_the_subject_that_the_request_names(desk: Desk) -> None:
    command = request(new_id(), 1250)
    assert await desk.assess(command) == ["approve"]
    [(subject, event)] = await desk.said()
    assert subject == REPLY_TO
    assert (event["causationid"], event["correlationid"]) == (str(command.id), "test")
    assert event["data"]["assessment_id"] == str(command.data.assessment_id)
    assert event["data"]["payment_intent_id"] == str(command.data.payment_intent_id)
    assert event["data"]["rules"] == []


async def test_a_declined_payment_names_the_rules_and_what_they_saw(desk: Desk) -> None:
    assert await desk.assess(request(new_id(), 12_000_00)) == [TOO_LARGE]
    [(_, event)] = await desk.said()
    assert [rule["reason"] for rule in event["data"]["rules"][:2]] == [
        "-2,000.00 EUR would be left of what the payer may pay at once.",
        "12,000.00 EUR at once is above 10,000.00 EUR.",
    ]


@pytest.mark.parametrize("replyto", [None, "risk.decisions.nobody", "risk.decisions", "wallet.events.transfer.posted"])
async def test_a_request_without_a_proper_reply_subject_is_poison(desk: Desk, replyto: str | None) -> None:
    with pytest.raises(ValueError, match="replyto"):
        await desk.assess(request(new_id(), 1), request(new_id(), 1, replyto=replyto))
    assert (await desk.count("decision"), await desk.said()) == (0, [])


async def test_the_same_assessment_has_the_same_decision_and_counts_once(desk: Desk) -> None:
    desk.rules = limits(payments_per_minute=2)
    payer = new_id()
    first = request(payer, 100, at=NOON)
    assert await desk.assess(first, again(first), again(first)) == ["approve"] * 3
    assert await desk.assess(again(first)) == ["approve"]
    said = [event["data"] for _, event in await desk.said()]
    assert all(data == said[0] for data in said)
    assert await desk.count("decision") == 1
    assert await desk.assess(request(payer, 1, at=NOON), request(payer, 1, at=NOON)) == ["approve", "decline velocity"]


async def test_a_decision_is_remembered_with_its_rules(desk: Desk) -> None:
    command = request(new_id(), 12_000_00)
    await desk.assess(command)
    desk.rules = limits(amount=10**6)
    assert await desk.assess(again(command)) == [TOO_LARGE]
    [(_, first), (_, second)] = await desk.said()
    assert first["data"] == second["data"]


async def test_an_assessment_of_another_payment_under_a_used_id_is_poison(desk: Desk) -> None:
    command = request(new_id(), 1)
    await desk.assess(command)
    other = request(new_id(), 1)
    stolen = other.model_copy(
        update={"data": other.data.model_copy(update={"assessment_id": command.data.assessment_id})}
    )
    with pytest.raises(ValueError, match="another payment"):
        await desk.assess(stolen)


async def test_history_is_of_one_payer_and_for_volume_of_one_currency(desk: Desk) -> None:
    desk.rules = limits(hourly_volume=100, payments_per_minute=3)
    ann, bob = new_id(), new_id()
    assert await desk.assess(request(ann, 100_00, at=NOON), request(bob, 100_00, at=NOON)) == ["approve"] * 2
    assert await desk.assess(request(ann, 100_00, at=NOON, currency="USD")) == ["approve"]
    assert await desk.assess(request(ann, 1, at=NOON)) == ["decline hourly_volume"]
    assert await desk.assess(request(ann, 1, at=NOON, currency="GBP")) == ["decline velocity"]


async def test_volume_reaches_back_an_hour_and_velocity_a_minute(desk: Desk) -> None:
    desk.rules = limits(hourly_volume=100, payments_per_minute=2)
    payer = new_id()

    async def pay(seconds: int, amount: int) -> list[str]:
        return await desk.assess(request(payer, amount, at=NOON + timedelta(seconds=seconds)))

    assert await pay(0, 60_00) == ["approve"]
    assert await pay(59, 40_00) == ["approve"]
    assert await pay(60, 1) == ["decline hourly_volume velocity"]
    assert await pay(3659, 1) == ["decline hourly_volume"]
    assert await pay(3900, 1) == ["approve"]  # buckets of five minutes


async def test_of_two_replicas_the_second_decides_on_what_the_first_has_decided(desk: Desk) -> None:
    desk.rules = limits(payments_per_minute=1)
    payer = new_id()
    async with desk.transactions.begin() as tx:
        await desk.assessor().assess(tx, [request(payer, 1, at=NOON)])
        second = asyncio.create_task(Desk(desk.database, desk.rules).assess(request(payer, 1, at=NOON)))
        waiting, _ = await asyncio.wait([second], timeout=0.2)
        assert not waiting
    async with asyncio.timeout(5):
        assert "decline velocity" in await second


FORBIDDEN = (
    "UPDATE decision SET outcome = 'approve'",
    "DELETE FROM decision",
    "UPDATE feature_state SET entity = entity",
    "TRUNCATE feature_state",
)


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_the_role_cannot_rewrite_decisions(desk: Desk, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await desk.database.pool.execute(statement)
