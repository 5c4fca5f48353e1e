"""Messages to users: sent once, tried again, given up, and forgotten."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from apps.identity.domain.messages import Mail, written
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.register import register
from apps.identity.tests.asking import register_request
from apps.identity.tests.clocked import ClockedTransactions
from apps.identity.tests.mailbox import Mailbox
from apps.identity.tests.tables import rows_of
from apps.identity.workers.send_messages import KEPT, MOST_ATTEMPTS, forget_messages
from contracts.identity import Purpose
from outbox.database import Database


@pytest.fixture
def transactions(database: Database) -> ClockedTransactions:
    return ClockedTransactions(database)


@pytest.fixture(autouse=True)
async def _registered(parts: Parts, database: Database) -> None:
    await register(parts, database, register_request())


@pytest.mark.parametrize("purpose", Purpose)
def test_every_purpose_has_its_words(purpose: Purpose) -> None:
    mail = written(purpose, "ann@ledgerlink.example", "https://ledgerlink.example", "llp_x", timedelta(hours=1))
    assert mail.subject
    assert "{" not in mail.text
    assert ("llp_x" in mail.text) is (purpose in {Purpose.VERIFY_EMAIL, Purpose.RESET_PASSWORD})


async def test_a_message_is_sent_once_and_nothing_personal_is_kept(parts: Parts, database: Database) -> None:
    mailbox = Mailbox()
    (mail,) = await mailbox.empty(parts)
    assert mail.to == "ann@ledgerlink.example"
    assert await mailbox.empty(parts) == []
    row = await database.pool.fetchrow("SELECT sealed, next_at, sent_at, attempts FROM outgoing_message")
    assert row is not None
    assert (row["sealed"], row["next_at"], row["attempts"]) == (b"", None, 1)
    assert row["sent_at"]


async def test_no_token_lies_in_the_database(parts: Parts, database: Database) -> None:
    (mail,) = await Mailbox().empty(parts)
    token = mail.text.split("token=")[1].split()[0]
    tables = ["one_time_token", "outgoing_message", "outbox", "security_event"]
    for table in tables:
        rows = await rows_of(database, table)
        assert rows
        assert token not in str(rows)


async def test_two_processes_send_a_message_once(parts: Parts) -> None:
    mailbox = Mailbox()
    workers = [mailbox.worker(parts) for _ in range(4)]
    await asyncio.gather(*(worker.drain() for worker in workers))
    assert len(mailbox.mails) == 1


async def test_what_fails_is_tried_again_with_growing_pauses_and_given_up_at_last(
    parts: Parts, database: Database, transactions: ClockedTransactions
) -> None:
    mailbox = Mailbox(fails=True)
    pause = 120
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert await mailbox.empty(parts) == []
        assert mailbox.attempts == attempt
        transactions.pass_time(pause - 1)
        await mailbox.empty(parts)
        assert mailbox.attempts == attempt, "not before the pause is over"
        transactions.pass_time(1)
        pause *= 2
    mailbox.fails = False
    transactions.pass_time(timedelta(days=1).total_seconds())
    assert await mailbox.empty(parts) == []
    assert await database.pool.fetchval("SELECT sealed FROM outgoing_message WHERE sent_at IS NULL") == b""


async def test_what_failed_once_is_sent_later(parts: Parts, transactions: ClockedTransactions) -> None:
    mailbox = Mailbox(fails=True)
    await mailbox.empty(parts)
    mailbox.fails = False
    transactions.pass_time(120)
    assert len(await mailbox.empty(parts)) == 1


class _Hanging(Mailbox):
    async def send(self, mail: Mail) -> None:  # noqa: ARG002 - the port's own
        await asyncio.Event().wait()


async def test_a_sender_that_hangs_holds_nothing_up_for_ever(parts: Parts, database: Database) -> None:
    worker = _Hanging().worker(parts)
    worker._mailing = replace(worker._mailing, send_seconds=0.01)
    await worker.drain()
    assert await database.pool.fetchval("SELECT next_at IS NOT NULL AND attempts = 1 FROM outgoing_message")


async def test_a_message_that_cannot_be_opened_keeps_no_other_from_going(parts: Parts, database: Database) -> None:
    await database.pool.execute("UPDATE outgoing_message SET sealed = 'broken'")
    await register(parts, database, register_request("eve@ledgerlink.example"))
    (mail,) = await Mailbox().empty(parts)
    assert mail.to == "eve@ledgerlink.example"


async def test_old_messages_and_tokens_are_forgotten(
    parts: Parts, database: Database, transactions: ClockedTransactions
) -> None:
    await Mailbox().empty(parts)
    async with transactions.begin() as tx:
        await forget_messages(tx)
    assert await database.pool.fetchval("SELECT count(*) FROM outgoing_message") == 1
    transactions.pass_time(KEPT.total_seconds() + 1)
    async with transactions.begin() as tx:
        await forget_messages(tx)
    for table in ("outgoing_message", "one_time_token"):
        assert await rows_of(database, table) == []


async def test_events_name_neither_address_nor_token(parts: Parts, database: Database) -> None:
    (mail,) = await Mailbox().empty(parts)
    told = [orjson.loads(row["envelope"])["data"] for row in await database.pool.fetch("SELECT envelope FROM outbox")]
    assert told
    assert not any(text in str(told) for text in (mail.to, "llv_"))
