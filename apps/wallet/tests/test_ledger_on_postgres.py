"""Random commands through the real handlers into a real database leave what the naive ledger says, in any batches."""

import asyncio
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from apps.wallet.audit import audit
from apps.wallet.domain.account import SystemAccount
from apps.wallet.domain.operation import (
    CaptureRequest,
    ExchangeRequest,
    ExtensionRequest,
    HoldRequest,
    JournalRequest,
    Operation,
    ReversalRequest,
    TransferRequest,
    VoidRequest,
)
from apps.wallet.tests import raw_writes as raw
from apps.wallet.tests.balanced_books import broken_rules
from apps.wallet.tests.bank import Bank, code, envelope
from apps.wallet.tests.naive_ledger import Answer, NaiveLedger
from apps.wallet.tests.random_operations import ANNS, BEGINNING, OPERATIONS, SOURCE, START, WORLD, Ids, numbered
from contracts.message import Reply
from contracts.wallet import (
    CaptureHold,
    ExchangeLeg,
    ExtendHold,
    Leg,
    PlaceHold,
    PostJournal,
    PostTransfer,
    ReverseTransfer,
    SystemAccountName,
    TransferLeg,
    VoidHold,
)
from outbox.database import Connection, Database
from tests.fresh_databases import Cluster

EXAMPLES = 25
LedgerMessage = PostTransfer | ReverseTransfer | PostJournal | PlaceHold | CaptureHold | VoidHold | ExtendHold


@dataclass(frozen=True)
class Visit:
    """What is asked after a while, and where it is cut into batches; before it, the service may sweep."""

    seconds: int
    sweep: bool
    asked: list[Operation]
    cuts: set[int]


VISITS = st.builds(
    Visit,
    st.integers(0, 8),
    st.booleans(),
    st.lists(OPERATIONS, min_size=1, max_size=10),
    st.sets(st.integers(1, 9), max_size=3),
)


# A failure is not shrunk here, at a database for each step: the model without one does that in seconds.
@settings(max_examples=EXAMPLES, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(visits=st.lists(VISITS, min_size=2, max_size=6))
def test_the_tables_are_what_the_naive_ledger_says(_cluster: Cluster, visits: list[Visit]) -> None:  # noqa: PT019
    asyncio.run(_play(_cluster, visits))


async def _play(cluster: Cluster, visits: list[Visit]) -> None:
    fresh = await cluster.fresh("wallet", migrated=True)
    database = Database(fresh.url, 1)
    await database.open()
    try:
        await _open_accounts(database)
        naive = NaiveLedger(deepcopy(WORLD))
        bank, ids, now = Bank(database), Ids(naive), START + timedelta(seconds=20)
        funding = TransferRequest(numbered(0), SOURCE, ANNS, 300, "EUR")
        for visit in (Visit(0, sweep=False, asked=[funding, *BEGINNING], cuts=set()), *visits):
            now += timedelta(seconds=visit.seconds)
            if visit.sweep:
                await bank.sweep(now)
            operations = [ids.named(operation) for operation in visit.asked]
            bounds = sorted({0, *(min(cut, len(operations)) for cut in visit.cuts), len(operations)})
            for start, end in pairwise(bounds):
                moment = naive.moment(now)
                answers = [naive.carry_out(operation, moment) for operation in operations[start:end]]
                replies = await bank.post(*(envelope(_command(o)) for o in operations[start:end]), at=now)
                assert [_told(reply) for reply in replies] == [_expected(answer) for answer in answers]
        async with database.lent() as connection:
            assert await _tables(connection, now) == _naive_tables(naive, now)
            assert await broken_rules(connection) == []
            assert (await audit(connection)).findings == ()
    finally:
        await database.close()
        await cluster.drop(fresh.name)


async def _open_accounts(database: Database) -> None:
    for name, account in WORLD.items():
        if isinstance(name, UUID):  # the others are opened when they are first named
            kind, limits = ("wallet" if account.owner else "general"), (account.floor, account.ceiling)
            await database.pool.execute(raw.opening(name, account.owner, kind, account.currency, *limits).sql())


def _told(reply: Reply) -> tuple[object, ...]:
    hold = (reply.resource or {}).get("hold", reply.resource or {})
    return code(reply), hold.get("captured"), hold.get("remaining"), hold.get("status")


def _expected(answer: Answer) -> tuple[object, ...]:
    match answer:
        case ("refused", refusal, _):
            return f"refused {refusal}", None, None, None
        case ("captured", _, _, *facts, _) | ("hold", _, *facts, _):
            return "completed", *facts
    return "completed", None, None, None


def _command(operation: Operation) -> LedgerMessage:  # noqa: PLR0911 - one for each kind
    match operation:
        case TransferRequest(id, debit, credit, amount, currency, user, reference, effective_at, metadata):
            return PostTransfer.model_validate({
                "transfer_id": id, "debit_account": _ref(debit), "credit_account": _ref(credit), "amount": amount,
                "currency": currency, "authorised_by": user, "reference": reference, "effective_at": effective_at,
                "metadata": metadata,
            })  # fmt: skip
        case ReversalRequest(id, reverses, amount, reference, effective_at, metadata):
            return ReverseTransfer(transfer_id=id, reverses=reverses, amount=amount, reference=reference,
                                   effective_at=effective_at, metadata=metadata)  # fmt: skip
        case JournalRequest(id, legs, reference, effective_at, metadata, user):
            return PostJournal(journal_id=id, legs=[_leg(leg) for leg in legs], reference=reference,
                               effective_at=effective_at, metadata=metadata, authorised_by=user)  # fmt: skip
        case HoldRequest(id, debit, credit, amount, currency, expires_at, user, reference):
            return PlaceHold(hold_id=id, debit_account=debit, credit_account=_ref(credit), amount=amount,
                             currency=currency, expires_at=expires_at, authorised_by=user,
                             reference=reference)  # fmt: skip
        case CaptureRequest(id, hold, amount, release_rest, reference, effective_at):
            return CaptureHold(transfer_id=id, hold_id=hold, amount=amount, release_rest=release_rest,
                               reference=reference, effective_at=effective_at)  # fmt: skip
        case VoidRequest(id, hold):
            return VoidHold(operation_id=id, hold_id=hold)
        case ExtensionRequest(id, hold, expires_at):
            return ExtendHold(operation_id=id, hold_id=hold, expires_at=expires_at)


def _leg(leg: TransferRequest | ExchangeRequest) -> Leg:
    if isinstance(leg, TransferRequest):
        return TransferLeg.model_validate({
            "transfer_id": leg.id, "debit_account": _ref(leg.debit_account),
            "credit_account": _ref(leg.credit_account), "amount": leg.amount, "currency": leg.currency,
        })  # fmt: skip
    return ExchangeLeg(
        sell_transfer_id=leg.sell_id, buy_transfer_id=leg.buy_id, debit_account=leg.debit_account,
        credit_account=leg.credit_account, sold=leg.sold, sold_currency=leg.sold_currency, bought=leg.bought,
        bought_currency=leg.bought_currency, rate=leg.rate,
    )  # fmt: skip


def _ref(account: UUID | SystemAccount) -> UUID | SystemAccountName:
    if isinstance(account, UUID):
        return account
    return SystemAccountName.model_validate({"kind": account.kind, "processor": account.processor})


_ACCOUNTS = """
SELECT CASE WHEN kind IN ('wallet', 'general') THEN id::text ELSE concat_ws(' ', kind, currency, processor) END AS name,
       balance,
       held - coalesce((SELECT sum(remaining) FROM hold WHERE debit_account = a.id AND expires_at <= $1), 0)::bigint
FROM account a
"""
_TRANSFERS = """
SELECT id, amount, currency, effective_at, posted_at, hold_id, reverses FROM transfer ORDER BY sequence
"""
_HOLDS = """
SELECT id, captured, CASE WHEN expires_at <= $1 THEN 0 ELSE remaining END,
       CASE WHEN remaining > 0 AND expires_at <= $1 THEN 'expired' ELSE status END, expires_at FROM hold
"""


async def _tables(connection: Connection, now: datetime) -> dict[str, object]:
    accounts = {name: tuple(facts) for name, *facts in await connection.fetch(_ACCOUNTS, now)}
    refusals = {i: (code_, leg) for i, code_, leg in await connection.fetch("SELECT id, code, leg FROM refusal")}
    transfers = [tuple(row) for row in await connection.fetch(_TRANSFERS)]
    return {
        "accounts": accounts,
        "transfers": transfers,
        "holds": {tuple(row) for row in await connection.fetch(_HOLDS, now)},
        "refusals": refusals,
    }


def _naive_tables(naive: NaiveLedger, now: datetime) -> dict[str, object]:
    used = {side for t in naive.transfers for side in (t.debit, t.credit)}
    used |= {h.request.credit_account for h in naive.holds.values()}
    accounts = {
        " ".join(filter(None, name)) if isinstance(name, SystemAccount) else str(name): (
            naive.balance(name),
            naive.held(name, now),
        )
        for name in naive.accounts
        if isinstance(name, UUID) or name in used
    }
    transfers = [(t.id, t.amount, t.currency, t.effective_at, t.posted_at, t.hold, t.reverses) for t in naive.transfers]
    refusals = {i: (answer[1], answer[2]) for i, (_, answer) in naive.refused.items()}
    return {
        "accounts": accounts,
        "transfers": transfers,
        "holds": {naive.hold_facts(i, now) for i in naive.holds},
        "refusals": refusals,
    }
