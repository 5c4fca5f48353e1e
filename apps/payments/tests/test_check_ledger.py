"""The comparison with the ledger: on real tables, with a wallet that says what a test lets it say."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

import asyncpg
import pytest

from apps.payments.domain.operations import Operation
from apps.payments.store import ledger_checks
from apps.payments.tests.building import approval, create, posted, refused
from apps.payments.tests.room import Room
from apps.payments.workers import check_ledger
from apps.payments.workers.check_ledger import LedgerCheck
from contracts.ids import new_id
from contracts.message import Message
from contracts.payments import LedgerDiffers
from contracts.wallet import Effects, GetEffects, PostTransfer, TransferEffect
from outbox.requester import NoAnswerError, Requester
from tests.fresh_databases import FreshDatabase

A = TypeVar("A", bound=Message)


class Wallet(Requester):
    """Knows the transfers that it was told of."""

    def __init__(self) -> None:
        self.transfers: dict[UUID, TransferEffect] = {}
        self.asked: list[Sequence[UUID]] = []
        self.answers = True

    def knows(self, asked: PostTransfer, **otherwise: object) -> None:
        facts = asked.model_dump(include={"debit_account", "credit_account", "amount", "currency", "reference"})
        self.transfers[asked.transfer_id] = TransferEffect.model_validate({"id": asked.transfer_id} | facts | otherwise)

    async def ask(self, question: Message, answer: type[A]) -> A:
        assert isinstance(question, GetEffects)
        self.asked.append(question.ids)
        if not self.answers:
            raise NoAnswerError("wallet: TimeoutError")
        known = [self.transfers[i] for i in question.ids if i in self.transfers]
        return answer.model_validate(Effects(transfers=known, holds=[], refused=[]).model_dump())


@pytest.fixture
def wallet() -> Wallet:
    return Wallet()


@pytest.fixture
def check(room: Room, wallet: Wallet) -> LedgerCheck:
    return LedgerCheck(room.database, room.transactions, wallet, rest=timedelta(0))


async def _paid(room: Room, *, amount: int = 100, refuse: bool = False) -> PostTransfer:
    """Make a payment whose post was carried out, or refused; return what was asked of the ledger."""
    command = create(amount=amount)
    await room.deliver(command)
    await room.deliver(approval(await room.assessment(command.data.payment_intent_id)))
    asked = await room.post(command.data.payment_intent_id)
    await room.deliver(refused(asked) if refuse else posted(asked))
    return asked


async def _said(room: Room) -> list[tuple[UUID, UUID, str]]:
    return [(s.data.payment_intent, s.data.operation_id, s.data.difference) for s in await room.said(LedgerDiffers)]


async def test_what_agrees_is_passed_in_silence(room: Room, wallet: Wallet, check: LedgerCheck) -> None:
    paid, declined = await _paid(room), await _paid(room, refuse=True)
    wallet.knows(paid)
    assert not await check.drain()
    assert await _said(room) == []
    assert sorted(wallet.asked[0]) == sorted([paid.transfer_id, declined.transfer_id])
    assert not await check.drain()
    assert len(wallet.asked) == 1, "what was compared is not compared again"


async def test_a_difference_is_said_once(room: Room, wallet: Wallet, check: LedgerCheck) -> None:
    before = check_ledger.DIFFERENCES._value.get()
    good, missing, other, ghost = (
        await _paid(room),
        await _paid(room),
        await _paid(room),
        await _paid(room, refuse=True),
    )
    wallet.knows(good)
    wallet.knows(other, amount=99)
    wallet.knows(ghost)
    await check.drain()
    said = {operation: (intent, says) for intent, operation, says in await _said(room)}
    assert set(said) == {asked.transfer_id for asked in (missing, other, ghost)}
    assert said[missing.transfer_id] == (missing.reference, f"transfer {missing.transfer_id} is not in the ledger")
    assert "the amount of transfer" in said[other.transfer_id][1]
    assert "was refused, and the ledger has it" in said[ghost.transfer_id][1]
    assert check_ledger.DIFFERENCES._value.get() == before + 3
    await check.drain()
    assert check_ledger.KNOWN._value.get() == 3
    async with room.database.lent() as connection:  # as if the cursor's last move had been lost
        await connection.execute("UPDATE ledger_check SET settled_at = '1970-01-01'")
    await check.drain()
    assert len(await _said(room)) == 3


async def test_a_payment_that_does_not_add_up_is_said(
    room: Room, wallet: Wallet, check: LedgerCheck, payments_database: FreshDatabase
) -> None:
    asked = await _paid(room)
    wallet.knows(asked)
    owner = await asyncpg.connect(payments_database.owner_url)
    await owner.execute("UPDATE operation SET amount = 90")
    await owner.close()
    await check.drain()
    assert await _said(room) == [(asked.reference, asked.transfer_id, "it says 100 captured, and 90 was moved")]


async def test_without_an_answer_nothing_is_passed(room: Room, wallet: Wallet, check: LedgerCheck) -> None:
    wallet.knows(await _paid(room))
    wallet.answers = False
    assert not await check.drain()
    wallet.answers = True
    assert not await check.drain()
    assert len(wallet.asked) == 2
    assert await _said(room) == []


async def test_slices_follow_each_other_without_gaps(
    room: Room, wallet: Wallet, check: LedgerCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_ledger, "SLICE", 2)
    asked = [await _paid(room) for _ in range(5)]
    for one in asked:
        wallet.knows(one)
    while await check.drain():
        pass
    assert [i for ids in wallet.asked for i in ids] == [one.transfer_id for one in asked]
    assert [len(ids) for ids in wallet.asked] == [2, 2, 1]


async def test_what_was_settled_just_now_rests(room: Room, wallet: Wallet) -> None:
    await _paid(room)
    patient = LedgerCheck(room.database, room.transactions, wallet)
    assert not await patient.drain()
    assert wallet.asked == []


async def test_two_replicas_say_a_difference_once(room: Room, check: LedgerCheck) -> None:
    asked = await _paid(room)
    async with room.database.reads() as reads:
        position = await ledger_checks.load_position(reads)
    operations = await _settled(room)
    found = [ledger_checks.Difference(asked.transfer_id, asked.reference or new_id(), "differs")]
    await check._conclude(position, operations, found)
    await check._conclude(position, operations, found)
    assert len(await _said(room)) == 1


async def _settled(room: Room) -> list[Operation]:
    async with room.database.reads() as reads:
        position = await ledger_checks.load_position(reads)
        now = await reads.fetchval("SELECT now()")
        return await ledger_checks.load_settled(reads, position, now, 10)
