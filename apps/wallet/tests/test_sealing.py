"""Sealing: everything once, in one chain, whoever seals; and a receipt for each side of each transfer."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from apps.wallet.audit import audit
from apps.wallet.domain import sealing
from apps.wallet.domain.sealing import LINGER, Range, Signer, Standing, next_range
from apps.wallet.queries import get_receipt, get_seal_keys
from apps.wallet.tests.bank import Bank, envelope, funding, payment
from apps.wallet.tests.full_ledger import fill, new_signer, private_key_pem, seal
from contracts.ids import new_id
from contracts.proof import Receipt, SealKey, verify
from contracts.wallet import GetReceipt, GetSealKeys
from outbox.database import Database
from outbox.responder import Refused
from tests.fresh_databases import FreshDatabase

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SEALED = "wallet.events.ledger.sealed"
_SEALS = "SELECT number, first_sequence, last_sequence, records_from, records_until FROM seal ORDER BY number"


@pytest.fixture
def signer() -> Signer:
    return new_signer()


async def _seals(bank: Bank) -> list[tuple[int, int, int]]:
    return [
        (row["number"], row["first_sequence"], row["last_sequence"]) for row in await bank.database.pool.fetch(_SEALS)
    ]


async def _findings(bank: Bank) -> tuple[str, ...]:
    async with bank.database.lent() as connection:
        return (await audit(connection)).findings


STANDING = Standing(head=10, finished=500, number=3, last_sequence=10, records_until=400, sealed_at=NOW - LINGER)


@pytest.mark.parametrize(
    ("standing", "part"),
    [
        (STANDING, None),
        (replace(STANDING, head=12), Range(11, 12, 400, 500)),
        (replace(STANDING, first=450), Range(11, 10, 400, 500)),
        (replace(STANDING, head=12, sealed_at=NOW - timedelta(seconds=0.9)), None),
        (replace(STANDING, head=10 + 5000, sealed_at=NOW), Range(11, 10 + 2048, 400, 500)),
        (replace(STANDING, first=450, beyond=470, sealed_at=NOW), Range(11, 10, 400, 470)),
        (replace(STANDING, first=450, beyond=450, sealed_at=NOW), Range(11, 10, 400, 451)),
        (Standing(head=1, finished=9), Range(1, 1, 0, 9)),
        (replace(STANDING, head=12, finished=30), Range(11, 12, 400, 400)),
    ],
    ids=[
        "nothing",
        "transfers",
        "records only",
        "too soon",
        "full",
        "many records",
        "one transaction",
        "the first",
        "restored",
    ],
)
def test_what_the_next_seal_covers(standing: Standing, part: Range | None) -> None:
    assert next_range(standing, NOW) == part


async def test_an_empty_ledger_is_not_sealed(bank: Bank, signer: Signer) -> None:
    await seal(bank, signer)
    assert await _seals(bank) == []


async def test_a_seal_is_said_with_its_hash_so_that_others_can_pin_it(bank: Bank, signer: Signer) -> None:
    await bank.wallet(balance=100)
    await bank.said()
    await seal(bank, signer)
    [(subject, event)] = await bank.said()
    assert (subject, event["data"]["number"], event["data"]["key_id"]) == (SEALED, 1, signer.key.kid)
    row = await bank.database.pool.fetchrow("SELECT * FROM seal")
    assert row is not None
    assert (row["hash"].hex(), row["signature"].hex()) == (event["data"]["hash"], event["data"]["signature"])


async def test_seals_follow_each_other_without_gap_or_overlap(
    bank: Bank, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "LINGER", timedelta(0))
    wallet = await bank.wallet(balance=100)
    for amount in (1, 2, 3):
        await seal(bank, signer)
        await bank.post(funding(wallet, amount), funding(wallet, amount))
    await bank.post(payment(new_id(), wallet, wallet, 1))  # refused: a record and no transfer
    await seal(bank, signer)
    await bank.post(payment(new_id(), wallet, wallet, 1))
    await seal(bank, signer)
    seals = await bank.database.pool.fetch(_SEALS)
    assert [tuple(row)[:3] for row in seals] == [(1, 1, 1), (2, 2, 3), (3, 4, 5), (4, 6, 7), (5, 8, 7)]
    assert [row["records_from"] for row in seals] == [0, *(row["records_until"] for row in seals[:-1])]
    assert await _findings(bank) == ()


async def test_a_backlog_is_sealed_in_full_batches(bank: Bank, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "TRANSFERS", 4)
    wallet = await bank.wallet()
    await bank.post(*(funding(wallet, 1) for _ in range(10)))
    await seal(bank, signer)
    assert await _seals(bank) == [(1, 1, 4), (2, 5, 8)], "what is not full waits a moment after a seal"
    await asyncio.sleep(LINGER.total_seconds())
    await seal(bank, signer)
    assert (await _seals(bank))[2:] == [(3, 9, 10)]
    assert await _findings(bank) == ()


async def test_records_of_a_transaction_under_way_wait_for_it(bank: Bank, fresh: FreshDatabase, signer: Signer) -> None:
    """Its records may have been written before others that are sealed now, and must not be skipped."""
    other = await asyncpg.connect(fresh.url)
    slow = other.transaction()
    await slow.start()
    await other.execute(
        "INSERT INTO refusal (id, fingerprint, code, detail, refused_at) VALUES ($1, '', 'x', 'x', now())", new_id()
    )
    await bank.wallet(balance=1)
    await seal(bank, signer)
    await slow.commit()
    await other.close()
    await asyncio.sleep(LINGER.total_seconds())
    await seal(bank, signer)
    leaves = await bank.database.pool.fetch("SELECT octet_length(leaves) / 32 AS leaves FROM seal ORDER BY number")
    # One transfer; then the refusal, the wallet and the clearing account.
    assert [row["leaves"] for row in leaves] == [2, 3]
    assert await _findings(bank) == ()


async def test_replicas_seal_everything_once(bank: Bank, fresh: FreshDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "TRANSFERS", 3)
    monkeypatch.setattr(sealing, "LINGER", timedelta(0))
    wallet = await bank.wallet()
    database = Database(fresh.url, 4)
    await database.open()
    replicas = [(bank, new_signer()), (Bank(database), new_signer())]

    async def keep_sealing(replica: Bank, own: Signer) -> None:
        for _ in range(20):
            await seal(replica, own)

    async def keep_posting() -> None:
        for _ in range(20):
            await bank.post(*(funding(wallet, 1) for _ in range(7)))

    await asyncio.gather(keep_posting(), *(keep_sealing(*replica) for replica in replicas))
    for _ in range(5):  # the sealing may have been done long before the posting
        await seal(*replicas[0])
    await database.close()
    last = 0
    for number, (found, first, end) in enumerate(await _seals(bank), start=1):
        assert (found, first) == (number, last + 1)
        last = end
    assert last == 140
    assert await _findings(bank) == ()


_BESIDE = """
INSERT INTO seal (number, first_sequence, last_sequence, records_from, records_until, leaves, root, previous, sealed_at,
                  key_id, hash, signature)
SELECT $1, $2::bigint, $2::bigint - 1, $3, records_until, leaves, root, CASE WHEN $4 THEN hash ELSE root END, sealed_at,
       key_id, hash, signature FROM seal
"""


async def test_a_database_restored_where_transactions_count_from_the_beginning_goes_on_sealing(
    bank: Bank, fresh: FreshDatabase, signer: Signer
) -> None:
    wallet = await bank.wallet(balance=1)
    owner = await asyncpg.connect(fresh.owner_url)
    await seal(bank, signer)
    await owner.execute(
        "UPDATE seal SET records_until = records_until + 1000000, sealed_at = sealed_at - interval '1h'"
    )
    await owner.close()
    await bank.post(funding(wallet, 1))
    await seal(bank, signer)
    assert await _seals(bank) == [(1, 1, 1), (2, 2, 2)]


async def test_no_seal_is_put_beside_the_chain(bank: Bank, signer: Signer) -> None:
    await bank.wallet(balance=1)
    await seal(bank, signer)
    until = await bank.database.pool.fetchval("SELECT records_until FROM seal")
    for number, first, since, follows in (
        (3, 2, until, True),
        (2, 3, until, True),
        (2, 2, 0, True),
        (2, 2, until, False),
    ):
        with pytest.raises(asyncpg.CheckViolationError, match="must continue the seal before it"):
            await bank.database.pool.execute(_BESIDE, number, first, since, follows)
    await bank.database.pool.execute(_BESIDE, 2, 2, until, True)
    assert "seal 2: its hash is not that of what it says" in await _findings(bank)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE seal SET hash = root",
        "DELETE FROM seal",
        "UPDATE seal_key SET key_id = ''",
        "DELETE FROM seal_key",
        "UPDATE account_opening SET floor = 0",
        "INSERT INTO account_opening (account_id, metadata) VALUES (gen_random_uuid(), '{}')",
        "INSERT INTO account_change (recorded_in) VALUES (1)",
        "INSERT INTO hold_step (recorded_in) VALUES (1)",
        "INSERT INTO period (recorded_in) VALUES (1)",
        "INSERT INTO refusal (recorded_in) VALUES (1)",
    ],
)
async def test_the_service_cannot_change_what_is_sealed(bank: Bank, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await bank.database.pool.execute(statement)


async def _receipt(bank: Bank, transfer: Any, account: Any) -> Receipt:
    return await get_receipt(bank.database, envelope(GetReceipt(transfer_id=transfer, account_id=account)))


async def _keys(bank: Bank) -> list[SealKey]:
    return (await get_seal_keys(bank.database, envelope(GetSealKeys()))).keys


async def test_every_entry_has_a_receipt_that_verifies(bank: Bank, signer: Signer) -> None:
    await fill(bank)
    await seal(bank, signer)
    keys = await _keys(bank)
    assert [key.x for key in keys] == [signer.key.x]
    rows = await bank.database.pool.fetch("SELECT transfer_id, account_id, amount, balance_after FROM entry")
    assert len(rows) > 20
    for row in rows:
        receipt = await _receipt(bank, row["transfer_id"], row["account_id"])
        again = Receipt.model_validate_json(receipt.model_dump_json(exclude_none=True))
        verified = verify(again, keys)
        amount = -verified.entry.amount if verified.entry.side == "debit" else verified.entry.amount
        assert (amount, verified.entry.balance_after) == (row["amount"], row["balance_after"])


async def test_there_is_no_receipt_of_what_is_not_there_or_not_sealed(bank: Bank, signer: Signer) -> None:
    ann, transfer = new_id(), new_id()
    source, target = await bank.wallet(ann, balance=10), await bank.wallet()
    await bank.post(payment(ann, source, target, 4, transfer_id=transfer))
    for wanted, account, code in (
        (transfer, source, "not_sealed_yet"),
        (new_id(), source, "transfer_not_found"),
        (transfer, new_id(), "transfer_not_found"),
    ):
        with pytest.raises(Refused) as refused:
            await _receipt(bank, wanted, account)
        assert refused.value.problem.code == code
    await seal(bank, signer)
    assert verify(await _receipt(bank, transfer, target)).entry.amount == 4


async def test_after_a_new_key_old_receipts_stay_valid(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "LINGER", timedelta(0))
    wallet, transfers, signers = await bank.wallet(), [new_id(), new_id()], [new_signer(), new_signer()]
    for transfer, own in zip(transfers, signers, strict=True):
        await bank.post(funding(wallet, 5, transfer_id=transfer))
        await seal(bank, own)
    keys = await _keys(bank)
    assert [key.x for key in keys] == [own.key.x for own in signers]
    for transfer in transfers:
        assert verify(await _receipt(bank, transfer, wallet), keys).key_is_trusted
    assert await _findings(bank) == ()


async def test_a_receipt_of_a_tampered_row_is_not_valid(bank: Bank, fresh: FreshDatabase, signer: Signer) -> None:
    transfer = new_id()
    wallet = await bank.wallet()
    await bank.post(funding(wallet, 5, transfer_id=transfer))
    await seal(bank, signer)
    owner = await asyncpg.connect(fresh.owner_url)
    await owner.execute("UPDATE transfer SET amount = 6")
    await owner.close()
    with pytest.raises(ValueError, match="something in it was changed"):
        verify(await _receipt(bank, transfer, wallet))


@pytest.mark.parametrize("pem", ["", "no key", private_key_pem().replace("A", "B")])
def test_a_wrong_key_is_refused_at_the_start(pem: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        Signer(pem)
