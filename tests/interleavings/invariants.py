"""What must hold when every payment has come to its end: in each service's own books, and between them."""

from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from apps.sandbox_processor.domain.operation import Operation
from apps.sandbox_processor.domain.words import DisputeStatus, OperationType, Status
from contracts.message import Idempotency, Outcome, Reply
from ops.audit.databases import Databases
from ops.audit.run import run_audit
from outbox.transaction import KEY_IN_PROGRESS
from tests.interleavings.stories import story
from tests.interleavings.world import World

# No payment stays on its way, and none has given back what it had not taken.
_BROKEN = """
SELECT id, state, authorised, captured, refunded, lost FROM payment_intent
WHERE state NOT IN ('succeeded', 'canceled') OR captured > authorised OR authorised > amount OR capturing <> 0
   OR refunding <> 0 OR disputed <> 0 OR refunded + lost > captured OR (state = 'succeeded') <> (captured > 0)
"""
_UNANSWERED = "SELECT scope, key FROM idempotency_key WHERE answer IS NULL"
_UNHEARD = "SELECT processor, kind, status, facts FROM inbound_webhook WHERE status NOT IN ('applied', 'ignored')"
# Every hop has its number, and every public one its event, which was said once.
_HOPS = """
SELECT i.id, i.hops, count(h.number) FROM payment_intent i LEFT JOIN hop h ON h.intent_id = i.id
GROUP BY i.id HAVING i.hops <> count(h.number) OR i.hops <> max(h.number)
"""
_EVENTS = """
SELECT coalesce(h.event_id, o.event_id) AS event, h.event AS told, o.subject AS said
FROM (SELECT event_id, event FROM hop WHERE event_id IS NOT NULL) h
FULL JOIN (SELECT event_id, subject FROM outbox WHERE subject LIKE 'payments.events.%'
           AND subject NOT IN ('payments.events.ledger.differs', 'payments.events.operation.needs_attention')) o
USING (event_id) WHERE h.event_id IS NULL OR o.event_id IS NULL OR 'payments.events.' || h.event <> o.subject
"""
_DEAD = "SELECT envelope FROM outbox WHERE subject LIKE 'dlq.%'"
_OPERATIONS = "SELECT id, intent_id, subject_id, verb, processor, amount, status FROM operation ORDER BY id"
_BY_PROCESSOR = """
SELECT id, direction, processor, captured, refunded, lost, method->>'type' AS method FROM payment_intent
WHERE processor IS NOT NULL AND captured > 0 ORDER BY id
"""
_CLEARING = "SELECT processor, balance FROM account WHERE kind = 'clearing' AND processor IS NOT NULL"


async def check(world: World) -> None:
    """Check everything."""
    for service in world.services:
        assert not await world.reads(service, _UNANSWERED), f"{service} left commands without an answer"
        assert not await world.reads(service, _DEAD), f"{service} could not handle a message"
    for query in (_BROKEN, _UNHEARD, _HOPS, _EVENTS):
        rows = await world.reads("payments", query)
        assert not rows, rows
    _everybody_was_answered(world)
    await _the_books_balance(world)
    await _the_ledger_agrees(world)
    await _the_processor_agrees(world)


def _everybody_was_answered(world: World) -> None:
    """Every command has an answer, and all commands of one key have the same in the end."""
    silent = [command for identifier, command in world.sent.items() if not world.replies[identifier]]
    assert not silent, f"{len(silent)} commands have no reply at all: {silent[0]}"
    answers: dict[Any, Reply] = {}
    for identifier, command in world.sent.items():
        key: Idempotency = command.idempotency  # type: ignore[attr-defined]
        for reply in world.replies[identifier]:
            if reply.outcome is not Outcome.ACCEPTED and reply.problem != KEY_IN_PROGRESS:
                first = answers.setdefault((key.scope, key.key), reply)
                assert reply == first, f"{command} was answered by {first} and by {reply}"


async def _the_books_balance(world: World) -> None:
    """The audit of an operator finds nothing: in the ledger, in the payments, and between them."""
    databases = Databases(world.databases["wallet"].url, world.databases["payments"].url)
    report = await run_audit(databases)
    assert report.balanced, report.findings
    assert report.proved["payments"] > 0


async def _the_ledger_agrees(world: World) -> None:
    """The continuous check comes to the same."""
    while await world.drain("check_ledger"):
        pass
    assert not await world.reads("payments", "SELECT difference FROM ledger_difference")


async def _the_processor_agrees(world: World) -> None:
    """Money is there as often as the processor moved it: once for each operation that it approved."""
    books = world.company.books()
    theirs = {UUID(operation.operation_id): operation for operation in books}
    ours = {row["id"]: row for row in await world.reads("payments", _OPERATIONS) if row["processor"]}
    strangers = theirs.keys() - ours.keys()
    assert not strangers, "the processor has executed what nobody asked for"
    differing = [row for row in ours.values() if _differs(row, theirs.get(row["id"]))]
    assert not differing, [(dict(row), theirs.get(row["id"])) for row in differing]
    await _payments_agree(world, books, ours)
    await _clearing_agrees(world, books)


_MOVES_MONEY = frozenset({"charge", "payout", "capture", "refund"})


def _differs(ours: Any, theirs: Operation | None) -> bool:
    """Tell whether an operation that moves money ended otherwise than the processor says.

    A charge that was given up may have been approved; what then follows is that it is voided, which the sums show.
    """
    if ours["verb"] not in _MOVES_MONEY:
        return False
    approved = theirs is not None and theirs.status is Status.APPROVED
    if ours["status"] == "succeeded":
        return not approved or (theirs is not None and theirs.amount != ours["amount"])
    return approved and ours["verb"] != "charge"


async def _payments_agree(world: World, books: list[Operation], ours: dict[UUID, Any]) -> None:
    """What the processor has taken for each payment and not given back is what the payment says."""
    lost = _lost(world)
    net: Counter[UUID] = Counter()
    for root in books:
        if root.type in (OperationType.CHARGE, OperationType.AUTHORISE) and root.status is Status.APPROVED:
            net[ours[UUID(root.operation_id)]["intent_id"]] += root.captured - root.refunded - lost[root.id]
        elif root.type is OperationType.PAYOUT and root.status is Status.APPROVED:
            net[ours[UUID(root.operation_id)]["intent_id"]] += root.amount
    says = {row["id"]: row["captured"] - row["refunded"] for row in await world.reads("payments", _BY_PROCESSOR)}
    says_lost = {row["id"]: row["lost"] for row in await world.reads("payments", _BY_PROCESSOR)}
    for intent in says.keys() | net.keys():
        taken = net[intent]
        assert taken == says.get(intent, 0) - says_lost.get(intent, 0), await story(world, intent)


def _lost(world: World) -> Counter[str]:
    lost: Counter[str] = Counter()
    for dispute in world.company.disputes():
        if dispute.status is DisputeStatus.LOST:
            lost[dispute.root] += dispute.amount
    return lost


async def _clearing_agrees(world: World, books: list[Operation]) -> None:
    """Each clearing account owes what its processor has taken for us and not given back, and has paid out."""
    lost = _lost(world)
    expected: Counter[str] = Counter()
    for account, moved in _moved(books, lost):
        expected[account] += moved
    found = {row["processor"]: row["balance"] for row in await world.reads("wallet", _CLEARING)}
    for account in expected.keys() | found.keys():
        assert found.get(account, 0) == -expected[account], (account, found, expected)


def _moved(books: list[Operation], lost: Counter[str]) -> Iterator[tuple[str, int]]:
    for root in books:
        if root.status is not Status.APPROVED:
            continue
        if root.type in (OperationType.CHARGE, OperationType.AUTHORISE):
            yield root.account, root.captured - root.refunded - lost[root.id]
        elif root.type is OperationType.PAYOUT:
            yield root.account, -root.amount
