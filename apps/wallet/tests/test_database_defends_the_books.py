"""What raw SQL under the service's own role tries, and the database refuses: by table, one row per violation.

All rows are tried on one ledger, each in a transaction that is rolled back: what is refused changes nothing anyway.
"""

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from apps.wallet.tests import raw_writes as raw
from apps.wallet.tests.balanced_books import broken_rules
from apps.wallet.tests.raw_writes import Write
from outbox.database import Database
from tests.fresh_databases import Cluster

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANN, BOB, CASH, LIMITED, FROZEN, CLOSED, DOLLARS, DOLLAR_CASH, FX, DOLLAR_FX, NOBODY = (
    UUID(int=n) for n in range(1, 12)
)
FIRST, NEWEST = (
    "(SELECT id FROM transfer WHERE sequence = 1)",
    "(SELECT id FROM transfer ORDER BY sequence DESC LIMIT 1)",
)
REVERSED = "(SELECT reverses FROM transfer WHERE reverses IS NOT NULL)"
HOLD, DUE = "(SELECT id FROM hold WHERE captured > 0)", "(SELECT id FROM hold WHERE amount = 7)"
ENDED = "(SELECT id FROM hold WHERE status = 'voided')"

# Ann has 900 and holds 37 of them; 30 of the newest transfer are reversed; all until an hour ago is closed.
POPULATION = (
    *(raw.opening(account, account, "wallet", "EUR", 0) for account in (ANN, BOB, FROZEN, CLOSED)),
    raw.opening(DOLLARS, DOLLARS, "wallet", "USD", 0),
    raw.opening(CASH, None, "general", "EUR", None),
    raw.opening(FX, None, "fx", "EUR", None),
    raw.opening(DOLLAR_CASH, None, "general", "USD", None),
    raw.opening(DOLLAR_FX, None, "fx", "USD", None),
    raw.opening(LIMITED, None, "general", "EUR", -100, 500),
    raw.transfer(CASH, ANN, 1000),
    raw.transfer(DOLLAR_CASH, DOLLARS, 1000),
    raw.placing(ANN, BOB, 50, "1 hour"),
    raw.capture("(SELECT id FROM hold)", "20"),
    raw.placing(ANN, BOB, 9, "1 hour"),
    raw.ending("(SELECT id FROM hold WHERE amount = 9)", "voided"),
    raw.placing(ANN, BOB, 7, "1 microsecond"),
    raw.linked([(ANN, BOB, 10), (ANN, LIMITED, 10)]),
    raw.exchange((ANN, FX, 10), (DOLLAR_FX, DOLLARS, 11)),
    raw.backdated(CASH, LIMITED, 1, "1 minute"),
    raw.transfer(ANN, BOB, 80),
    raw.reversal(NEWEST, "30"),
    raw.change(FROZEN, frozen="'both'"),
    raw.change(CLOSED, closed_at="h.moment"),
    raw.closing("1 hour"),
    raw.refusal("gen_random_uuid()"),
)

FORBIDDEN = {
    "transfer": ("UPDATE transfer SET amount = 1", "DELETE FROM transfer", "TRUNCATE transfer"),
    "entry, a view": (
        "UPDATE entry SET amount = 1",
        "DELETE FROM entry",
        "INSERT INTO entry (account_id) VALUES (NULL)",
        "CREATE TEMPORARY TABLE entry (account_id uuid)",
    ),
    "journal": ("UPDATE journal SET transfers = 1", "DELETE FROM journal"),
    "exchange": ("UPDATE exchange SET rate = 2", "DELETE FROM exchange"),
    "hold": ("UPDATE hold SET amount = 1000", "UPDATE hold SET debit_account = credit_account", "DELETE FROM hold"),
    "hold_step": ("UPDATE hold_step SET amount = 1", "DELETE FROM hold_step"),
    "refusal": ("UPDATE refusal SET code = 'x'", "DELETE FROM refusal"),
    "account": (
        "UPDATE account SET owner = gen_random_uuid()",
        "UPDATE account SET currency = 'JPY'",
        "UPDATE account SET kind = 'general'",
        "DELETE FROM account",
        "INSERT INTO account (id, balance) VALUES (gen_random_uuid(), 5)",
        "INSERT INTO account (id, held) VALUES (gen_random_uuid(), 5)",
        "INSERT INTO account (id, frozen) VALUES (gen_random_uuid(), 'none')",
    ),
    "account_change": ("UPDATE account_change SET reason = 'x'", "DELETE FROM account_change"),
    "period": ("UPDATE period SET ends_at = now()", "DELETE FROM period"),
    "backdated_total": ("UPDATE backdated_total SET total = 0", "DELETE FROM backdated_total"),
    "ledger": ("DELETE FROM ledger", "INSERT INTO ledger VALUES (2, 0)"),
    "the schema": (
        "ALTER TABLE transfer DISABLE TRIGGER USER",
        "DROP TRIGGER verify_transfers ON transfer",
        "CREATE OR REPLACE FUNCTION verify_transfers() RETURNS trigger LANGUAGE sql AS 'SELECT NULL'",
        "SET session_replication_role = replica",
        "CREATE TABLE public.extra (id integer)",
        "SET ROLE wallet_owner",
    ),
}

PAY = raw.transfer(ANN, BOB, 40)
BATCH = raw.linked([(ANN, BOB, 40), (BOB, CASH, 5)], journal=False)
JOURNAL = raw.linked([(ANN, BOB, 40), (BOB, CASH, 5)])
TRADE = raw.exchange((ANN, FX, 10), (DOLLAR_FX, DOLLARS, 11))
LATE = raw.backdated(CASH, BOB, 40, "1 second")
REVERSAL = raw.reversal(REVERSED, "5")
PLACING = raw.placing(ANN, BOB, 40, "1 hour")
CAPTURE = raw.capture(HOLD, "10")
VOID, EXPIRY, EXTENSION = raw.ending(HOLD, "voided"), raw.ending(DUE, "expired"), raw.extension(HOLD, "1 hour")
CHANGE, CLOSING = raw.change(BOB, floor="5"), raw.closing("1 minute")

# The control: each violation below is one of these but for what it spoils.
CORRECT = {
    "a transfer": PAY,
    "a batch": BATCH,
    "a journal": JOURNAL,
    "an exchange": TRADE,
    "a backdated transfer": LATE,
    "a reversal": REVERSAL,
    "all that is left to reverse": raw.reversal(REVERSED, "50"),
    "a hold": PLACING,
    "a hold of all that is available": raw.placing(ANN, BOB, 863, "1 hour"),
    "a capture": CAPTURE,
    "a capture that gives the rest back": raw.capture(HOLD, "10", release_rest=True),
    "a void": VOID,
    "an expiry": EXPIRY,
    "an extension": EXTENSION,
    "a change": CHANGE,
    "a closing": CLOSING,
}

VIOLATIONS: dict[str, dict[str, Write | str | tuple[Write | str, ...]]] = {
    "transfer: its place": {
        "leaves a gap": PAY.having(sequence="p.sequence + 2"),
        "takes another's place": PAY.having(sequence="p.sequence"),
        "has an id that is taken": PAY.having(id=FIRST),
        "leaves the head behind": PAY.without("headed"),
        "moves the head too far": PAY.having(head="p.sequence + 2"),
        "moves the head's time elsewhere": PAY.having(moved_at="p.moment + interval '1 second'"),
        "was posted before the one before it": PAY.having(posted_at="'2001-01-01Z'::timestamptz"),
        "is posted at the end of time": PAY.having(posted_at="'infinity'::timestamptz"),
        "is one of a batch of two times": BATCH.having(posted_at="p.moment + p.n * interval '1 second'"),
    },
    "transfer: its accounts": {
        "from itself to itself": PAY.having(credit="p.debit"),
        "to an account that does not exist": PAY.having(credit=raw.uuid(NOBODY)),
        "in another currency": PAY.having(currency="'USD'"),
        "between two currencies": raw.transfer(ANN, DOLLARS, 40),
        "from a frozen account": raw.linked([(CASH, FROZEN, 1), (FROZEN, CASH, 1)], journal=False),
        "to a frozen account": raw.transfer(CASH, FROZEN, 1),
        "to a closed account": raw.transfer(CASH, CLOSED, 1),
        "through a closed account": raw.linked([(CASH, CLOSED, 1), (CLOSED, CASH, 1)], journal=False),
    },
    "transfer: its balances": {
        "of nothing": raw.transfer(ANN, BOB, 0),
        "of less than nothing": raw.transfer(ANN, BOB, -40),
        "of too much": raw.transfer(CASH, ANN, 10**12 + 1),
        "takes too little": PAY.having(debit_balance="p.debit_balance - 39"),
        "gives too much": PAY.having(credit_balance="p.credit_balance + 41"),
        "is wrong on both sides": PAY.having(
            debit_balance="p.debit_balance - 41", credit_balance="p.credit_balance + 41"
        ),
        "gives to both": PAY.having(debit_balance="p.debit_balance + 40"),
        "leaves the balance of the debit account behind": PAY.without("debited"),
        "leaves the balance of the credit account behind": PAY.without("credited"),
        "takes more than there is": raw.transfer(ANN, BOB, 901),
        "takes what is held": raw.transfer(ANN, BOB, 864),
        "overdraws in the midst of a batch": raw.linked([(BOB, CASH, 1000), (CASH, BOB, 1000)], journal=False),
        "fills above the ceiling": raw.transfer(CASH, LIMITED, 500),
        "fills above the ceiling in the midst of a batch": raw.linked(
            [(CASH, LIMITED, 500), (LIMITED, CASH, 500)], journal=False
        ),
    },
    "transfer: its date": {
        "counts from later than it was posted": PAY.having(effective_at="p.moment + interval '1 second'"),
        "counts from a closed period": raw.backdated(CASH, BOB, 1, "2 hours"),
        "is posted in a closed period": (
            CLOSING.having(ends_at="(h.moment + interval '1 hour')", closed_at="(h.moment + interval '1 hour')"),
            PAY.having(posted_at="clock_timestamp()"),
        ),
        "would have overdrawn then": raw.backdated(ANN, BOB, 1, "1 minute"),
        "would have filled above the ceiling then": raw.backdated(CASH, LIMITED, 490, "1 second"),
        "is missing in the totals": LATE.without("totalled"),
        "is missing in some totals": LATE.having(lowest_level="1"),
        "is in the totals of another time": LATE.having(totalled_at="p.moment"),
        "is in the totals with another amount": LATE.having(totalled="41"),
        "is in the totals as another transfer": LATE.having(total_sequence="p.sequence"),
    },
    "transfer: what it reverses": {
        "is not there": REVERSAL.having(reverses="gen_random_uuid()"),
        "went the same way": REVERSAL.having(debit="p.credit", credit="p.debit", amount="0"),
        "is of other accounts": REVERSAL.having(reverses=FIRST, reversed_total="5"),
        "is less": raw.reversal(REVERSED, "51"),
        "is less, under another total": raw.reversal(REVERSED, "51").having(reversed_total="80"),
        "is counted from the start again": REVERSAL.having(reversed_total="{amount}"),
        "is counted twice": REVERSAL.having(reversed_total="p.reversed"),
        "has no total": REVERSAL.having(reversed_total="NULL::bigint"),
        "is itself": REVERSAL.having(reverses="p.id"),
    },
    "journal": {
        "has no transfers": JOURNAL.without("posted", "moved", "headed"),
        "says of more transfers than it has": JOURNAL.having(transfers="3", head="p.sequence + 2"),
        "begins elsewhere": JOURNAL.having(first_sequence="p.sequence + 2"),
        "is of no transfers": JOURNAL.having(transfers="0", head="p.sequence + 2"),
        "is missing": JOURNAL.without("journalled"),
        "was posted before": PAY.having(journal_id="(SELECT min(id::text)::uuid FROM journal)"),
    },
    "exchange": {
        "is of transfers that are not there": "INSERT INTO exchange SELECT id, id, id, 1 FROM journal LIMIT 1",
        "is of another journal": TRADE.having(exchange_journal="(SELECT min(id::text)::uuid FROM journal)"),
        "is the other way round": TRADE.having(
            buy="(SELECT f.id FROM p f WHERE f.n = 1)", sell="(SELECT f.id FROM p f WHERE f.n = 2)"
        ),
        "is between one currency": raw.exchange((ANN, FX, 10), (CASH, BOB, 11)),
        "is at no rate": TRADE.having(rate="0"),
        "does not go through fx": raw.exchange((ANN, CASH, 10), (DOLLAR_CASH, DOLLARS, 11)),
    },
    "hold": {
        "reserves nothing": raw.placing(ANN, BOB, 0, "1 hour"),
        "reserves less than nothing": raw.placing(ANN, BOB, -5, "1 hour"),
        "reserves more than is available": raw.placing(ANN, BOB, 864, "1 hour"),
        "reserves for itself": PLACING.having(credit="p.debit"),
        "reserves another currency": PLACING.having(currency="'USD'"),
        "has captured already": PLACING.having(now_captured="1"),
        "reserves what was not placed": PLACING.having(now_remaining="39"),
        "has expired when it is placed": PLACING.having(expires_at="p.moment"),
        "has no step": PLACING.without("stepped", "held"),
        "leaves held behind": PLACING.without("held"),
        "is placed twice": "INSERT INTO hold SELECT * FROM hold",
        "is changed without a step": "UPDATE hold SET remaining = remaining - 1 WHERE remaining > 1",
        "is extended without a step": "UPDATE hold SET expires_at = expires_at + interval '1 day'",
        "goes back to an earlier step": """
            UPDATE hold h SET captured = s.captured, remaining = s.remaining, status = 'pending', steps = s.step
            FROM hold_step s WHERE s.hold_id = h.id AND s.step = 1""",
        "ends with another status": VOID.having(status="'expired'"),
    },
    "hold step": {
        "has no hold": PLACING.without("placed"),
        "is of another account": VOID.having(step_account=raw.uuid(BOB)),
        "leaves out a step": VOID.having(step="p.steps + 2"),
        "leaves out a step of the account": VOID.having(account_step="p.hold_steps + 2"),
        "leaves the hold behind": VOID.without("standing"),
        "leaves the account behind": VOID.without("held"),
        "gives back too much": VOID.having(held_after="p.held - p.remaining - 1"),
        "gives back too little": VOID.having(held_after="p.held - p.remaining + 1"),
        "voids what has ended": raw.ending(ENDED, "voided"),
        "expires before the time": raw.ending(HOLD, "expired"),
        "voids what is over": raw.ending(DUE, "voided"),
        "extends to earlier": raw.extension(HOLD, "-1 minute"),
        "extends what is over": raw.extension(DUE, "1 hour"),
        "extends what has ended": raw.extension(ENDED, "1 hour"),
        "is of no known kind": VOID.having(kind="'forgotten'"),
    },
    "capture": {
        "of more than remains": raw.capture(HOLD, "31"),
        "of nothing": raw.capture(HOLD, "0"),
        "of what has ended": raw.capture(ENDED, "1"),
        "of what is over": raw.capture(DUE, "1"),
        "without its transfer": CAPTURE.without("posted", "credited", "headed"),
        "without its step": CAPTURE.without("stepped", "standing"),
        "of another amount than its transfer's": CAPTURE.having(step_amount="9"),
        "at another time than its transfer's": CAPTURE.having(recorded_at="p.moment - interval '1 second'"),
        "to another account": CAPTURE.having(credit=raw.uuid(CASH), credit_balance="p.credit_balance - 120"),
        "under another id": CAPTURE.having(operation_id="gen_random_uuid()"),
        "of a hold that is not there": PAY.having(hold_id="gen_random_uuid()"),
        "that counts less than it takes": CAPTURE.having(captured="p.captured"),
        "that keeps what it takes": CAPTURE.having(remaining="p.remaining"),
    },
    "account": {
        "has more out of nothing": "UPDATE account SET balance = balance + 1 WHERE kind = 'wallet'",
        "has less than nothing": "UPDATE account SET balance = -1 WHERE kind = 'wallet'",
        "is ahead of its entries": "UPDATE account SET last_sequence = 99 WHERE last_sequence > 0",
        "goes back to an earlier entry": """
            UPDATE account a SET balance = t.credit_balance, last_sequence = t.sequence FROM transfer t
            WHERE t.credit_account = a.id AND t.sequence = 1""",
        "forgets its entries": "UPDATE account SET balance = 0, last_sequence = NULL WHERE balance > 0",
        "holds out of nothing": "UPDATE account SET held = held + 1 WHERE hold_steps > 0",
        "forgets what it holds": "UPDATE account SET held = 0, hold_steps = 0",
        "changes its floor without a record": "UPDATE account SET floor = -100 WHERE kind = 'wallet'",
        "thaws without a record": "UPDATE account SET frozen = 'none' WHERE frozen <> 'none'",
        "opens again": raw.change(CLOSED, closed_at="NULL::timestamptz"),
        "counts a change that was none": "UPDATE account SET changes = changes + 1",
        "is opened with money owed": raw.opening(NOBODY, NOBODY, "wallet", "EUR", 100),
        "is a wallet of nobody": raw.opening(NOBODY, None, "wallet", "EUR", 0),
        "is opened twice": raw.opening(ANN, ANN, "wallet", "EUR", 0),
        "is closed with money": raw.change(ANN, closed_at="h.moment"),
        "gets a floor above what is available": raw.change(ANN, floor="864"),
        "gets a ceiling below its balance": raw.change(ANN, ceiling="899"),
    },
    "account change": {
        "is of no account": CHANGE.without("changed"),
        "says something else": CHANGE.having(changes="a.changes + 2"),
        "leaves one out": CHANGE.having(number="a.changes + 2"),
        "comes without the change": "INSERT INTO account_change (account_id, number, frozen, metadata, changed_by, "
        "reason, changed_at) SELECT account_id, 2, frozen, metadata, changed_by, reason, now() FROM account_change",
    },
    "period": {
        "leaves a gap": CLOSING.having(starts_at="h.closed_until + interval '1 second'"),
        "begins anew": CLOSING.having(starts_at="NULL::timestamptz"),
        "ends before it begins": raw.closing("2 hours"),
        "ends in the future": CLOSING.having(ends_at="h.moment + interval '1 second'"),
        "was closed before the newest transfer": CLOSING.having(closed_at="(h.moment - interval '50 seconds')"),
        "does not close the ledger": CLOSING.without("period_headed"),
        "closes more than itself": CLOSING.having(closed_until="h.moment"),
    },
    "totals": {
        "of an entry that is not dated back": """
            INSERT INTO backdated_total SELECT debit_account, 0, bucket_of(effective_at, 0), sequence, -amount
            FROM transfer WHERE sequence = 1""",
        "of a transfer's third account": """
            INSERT INTO backdated_total SELECT id, b.level, b.bucket, b.sequence, 1 FROM backdated_total b, account
            WHERE kind = 'wallet' AND b.level = 0""",
        "twice": "INSERT INTO backdated_total SELECT * FROM backdated_total",
    },
    "refusal": {
        "of a transfer that was posted": raw.refusal(FIRST).having(refused_fingerprint="''"),
        "of a hold that was placed": raw.refusal(HOLD).having(refused_fingerprint="''"),
        "twice": "INSERT INTO refusal (id, fingerprint, code, detail, refused_at) "
        "SELECT id, fingerprint, code, detail, refused_at FROM refusal",
    },
    "ledger": {
        "runs ahead": "UPDATE ledger SET sequence = sequence + 1",
        "goes back": "UPDATE ledger SET sequence = 0",
        "forgets the time": "UPDATE ledger SET moved_at = '-infinity'",
        "opens what is closed": "UPDATE ledger SET closed_until = NULL",
        "closes without a period": "UPDATE ledger SET closed_until = closed_until + interval '1 second'",
    },
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database(_cluster: Cluster) -> AsyncIterator[Database]:
    fresh = await _cluster.fresh("wallet", migrated=True)
    database = Database(fresh.url, 1)
    await database.open()
    for write in POPULATION:
        await database.pool.execute(write.sql())
    yield database
    await database.close()
    await _cluster.drop(fresh.name)


async def _try(database: Database, *statements: Write | str) -> None:
    async with database.lent() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            for statement in statements:
                await connection.execute(statement if isinstance(statement, str) else statement.sql())
            assert await broken_rules(connection) == []
        finally:
            await transaction.rollback()


@pytest.mark.parametrize("statement", [s for those in FORBIDDEN.values() for s in those])
async def test_the_role_lacks_the_right(database: Database, statement: str) -> None:
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ObjectNotInPrerequisiteStateError)):
        await _try(database, statement)


@pytest.mark.parametrize("name", CORRECT)
async def test_what_is_correct_is_taken(database: Database, name: str) -> None:
    await _try(database, CORRECT[name])


@pytest.mark.parametrize(("table", "violation"), [(t, name) for t, those in VIOLATIONS.items() for name in those])
async def test_what_is_wrong_is_refused(database: Database, table: str, violation: str) -> None:
    *before, last = (found,) if not isinstance(found := VIOLATIONS[table][violation], tuple) else found
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await _try(database, *before, last)
