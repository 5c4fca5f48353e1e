"""Importing statements, matching them in steps, and resolving what is left over."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from apps.wallet import queries
from apps.wallet.handlers import match_statements as matching_job
from apps.wallet.handlers.import_statements import import_statements
from apps.wallet.handlers.resolve_breaks import resolve_breaks
from apps.wallet.store import matching
from apps.wallet.tests.bank import Bank, code, envelope, funding, idempotency
from apps.wallet.tests.statements import end, lines_of, match_all, start
from contracts.ids import new_id
from contracts.message import Envelope, Reply
from contracts.wallet import (
    FIRST_DAY,
    LAST_DAY,
    Break,
    ExternalLine,
    GetReconciliation,
    ListBreaks,
    ListReconciliations,
    NoteResolution,
    Reconciliation,
    ResolveBreak,
    TransferResolution,
)
from outbox.responder import Refused

TODAY = datetime.now(UTC).date()
NOTE = "Explained by the bank"


async def _clearing(bank: Bank, *amounts: int) -> tuple[UUID, list[UUID]]:
    """Fund a wallet through its clearing account; return that account and the transfers."""
    wallet = await bank.wallet()
    transfers = [new_id() for _ in amounts]
    await bank.post(*(funding(wallet, amount, transfer_id=t) for amount, t in zip(amounts, transfers, strict=True)))
    clearing = await bank.database.pool.fetchval("SELECT id FROM account WHERE kind = 'clearing' AND currency = 'EUR'")
    return clearing or await _system_account(bank, "clearing", "asset"), transfers


def _line(number: int, amount: int, reference: UUID | str | None = None, on: date = TODAY) -> ExternalLine:
    return ExternalLine(
        number=number, booked_on=on, amount=amount, reference=None if reference is None else str(reference)
    )


async def _import(bank: Bank, *commands: Envelope[Any]) -> list[Reply]:
    async with bank.transactions.begin() as tx:
        await import_statements(tx, commands)
    return [bank.replies[c.id] for c in commands]


async def _reconciled(bank: Bank, clearing: UUID, lines: list[ExternalLine]) -> UUID:
    command = start(clearing, TODAY, TODAY, may_overlap=True)
    identifier = command.data.reconciliation_id
    commands = [command, *([lines_of(identifier, lines)] if lines else []), end(identifier, lines)]
    assert {code(reply) for reply in await _import(bank, *commands)} == {"completed"}
    await match_all(bank)
    return identifier


async def _shown(bank: Bank, identifier: UUID) -> Reconciliation:
    return await queries.get_reconciliation(bank.database, envelope(GetReconciliation(id=identifier)))


async def _breaks(bank: Bank, identifier: UUID, **more: Any) -> list[Break]:
    asked = ListBreaks(reconciliation_id=identifier, **more)
    return (await queries.list_breaks(bank.database, envelope(asked))).breaks


def _resolving(
    identifier: UUID, number: int, resolution: NoteResolution | TransferResolution
) -> Envelope[ResolveBreak]:
    return envelope(
        ResolveBreak(
            reconciliation_id=identifier,
            number=number,
            resolution=resolution,
            resolved_by=new_id(),
            idempotency=idempotency(),
        )
    )


def _transfer(account: UUID, transfer: UUID | None = None) -> TransferResolution:
    return TransferResolution(note=NOTE, transfer_id=transfer or new_id(), account_id=account)


async def _resolve(bank: Bank, *commands: Envelope[ResolveBreak]) -> list[str]:
    async with bank.transactions.begin() as tx:
        await resolve_breaks(tx, commands)
    return [code(bank.replies[c.id]) for c in commands]


async def test_a_statement_of_all_time_is_matched_like_any_other(bank: Bank) -> None:
    """A job that fails stops the service: no date that may be said may be too far away for it."""
    clearing, [transfer] = await _clearing(bank, 100)
    command, lines = start(clearing, FIRST_DAY, LAST_DAY, window_days=10), [_line(1, 100, transfer, LAST_DAY)]
    identifier = command.data.reconciliation_id
    await _import(bank, command, lines_of(identifier, lines), end(identifier, lines))
    await match_all(bank)
    found = await _shown(bank, identifier)
    assert (found.status, found.entries, found.breaks) == ("closed", 1, 0)


async def test_a_matching_that_fails_is_given_up_whatever_went_wrong(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise OverflowError("date value out of range")

    monkeypatch.setattr(matching, "gather", fail)
    clearing, _ = await _clearing(bank, 100)
    found = await _shown(bank, await _reconciled(bank, clearing, [_line(1, 100)]))
    assert (found.status, found.failure) == ("failed", "OverflowError")


async def test_a_statement_that_agrees_is_closed_at_once(bank: Bank) -> None:
    clearing, (one, two) = await _clearing(bank, 1250, 700)
    await bank.said()
    identifier = await _reconciled(bank, clearing, [_line(1, 1250, one.hex.upper()), _line(2, 700, two)])
    shown = await _shown(bank, identifier)
    assert (shown.status, shown.lines, shown.entries, shown.open_breaks) == ("closed", 2, 2, 0)
    assert {m.rule: (m.lines, m.entries) for m in shown.matched if m.lines} == {"exact": (2, 2)}
    ((subject, event),) = await bank.said()
    assert subject == "wallet.events.reconciliation.matched"
    assert event["data"]["reconciliation"]["open_difference"] == 0


START_REFUSALS = [
    ({"currency": "USD"}, "currency_mismatch"),
    ({"account_id": new_id()}, "account_not_found"),
    ({"starts_on": date(2026, 1, 2), "ends_on": date(2026, 1, 1)}, "period_invalid"),
    ({"opening": 5}, "balances_incomplete"),
]


@pytest.mark.parametrize(("change", "refusal"), START_REFUSALS)
async def test_a_statement_that_cannot_be_held_against_the_account_is_refused(
    bank: Bank, change: dict[str, Any], refusal: str
) -> None:
    clearing, _ = await _clearing(bank, 100)
    (reply,) = await _import(bank, start(clearing, TODAY, TODAY, **change))
    assert code(reply) == f"refused {refusal}"


async def test_a_wallet_has_no_statement(bank: Bank) -> None:
    (reply,) = await _import(bank, start(await bank.wallet(), TODAY, TODAY))
    assert code(reply) == "refused not_a_clearing_account"


async def test_an_import_is_the_same_however_often_it_is_sent(bank: Bank) -> None:
    clearing, (one,) = await _clearing(bank, 100)
    first = start(clearing, TODAY, TODAY, opening=0, closing=100)
    identifier = first.data.reconciliation_id
    again = envelope(first.data)
    lines = lines_of(identifier, [_line(1, 100, one)])
    commands = [first, lines, again, lines, end(identifier, lines.data.lines), lines, end(identifier, lines.data.lines)]
    for command in commands:
        (reply,) = await _import(bank, command)
        assert code(reply) == "completed"
    await match_all(bank)
    assert (await _shown(bank, identifier)).lines == 1


async def test_what_is_imported_stays_as_it_is(bank: Bank) -> None:
    clearing, _ = await _clearing(bank, 100)
    command = start(clearing, TODAY, TODAY)
    identifier = command.data.reconciliation_id
    line = _line(1, 100)
    other = line.model_copy(update={"amount": 99})
    replies = await _import(
        bank,
        command,
        lines_of(identifier, [line]),
        lines_of(identifier, [other]),
        lines_of(identifier, [_line(2, 5, on=date(2026, 1, 1))]),
        lines_of(new_id(), [line]),
        end(identifier, [line]),
        lines_of(identifier, [_line(2, 5)]),
    )
    assert [code(reply) for reply in replies] == [
        "completed",
        "completed",
        "refused line_differs",
        "refused line_outside_period",
        "refused reconciliation_not_found",
        "completed",
        "refused reconciliation_not_importing",
    ]


@pytest.mark.parametrize(
    ("sent", "balances", "refusal"),
    [
        ([1], {}, "statement_incomplete"),
        ([2], {}, "statement_incomplete"),
        ([1, 2], {"opening": 50, "closing": 349}, "statement_does_not_add_up"),
    ],
)
async def test_a_statement_that_does_not_add_up_is_refused(
    bank: Bank, sent: list[int], balances: dict[str, int], refusal: str
) -> None:
    clearing, _ = await _clearing(bank, 100)
    command = start(clearing, TODAY, TODAY, **balances)
    identifier = command.data.reconciliation_id
    lines = [_line(1, 100), _line(2, 200)]
    some = lines_of(identifier, [line for line in lines if line.number in sent])
    *_, reply = await _import(bank, command, some, end(identifier, lines))
    assert code(reply) == f"refused {refusal}"
    assert (await _shown(bank, identifier)).status == "importing"


async def test_a_note_resolves_a_break_once(bank: Bank) -> None:
    clearing, _ = await _clearing(bank, 100)
    identifier = await _reconciled(bank, clearing, [_line(1, -30, "FEE")])
    fee, missing = await _breaks(bank, identifier)
    assert (fee.kind, fee.difference, fee.line and fee.line.reference) == ("line_without_entry", -30, "FEE")
    assert (missing.kind, missing.difference) == ("entry_without_line", -100)
    await bank.said()
    note = NoteResolution(note=NOTE)
    assert await _resolve(bank, _resolving(identifier, 1, note), _resolving(identifier, 1, note)) == [
        "completed",
        "refused break_already_resolved",
    ]
    ((subject, event),) = await bank.said()
    assert (subject, event["data"]["open_breaks"]) == ("wallet.events.break.resolved", 1)
    shown = await _shown(bank, identifier)
    assert (shown.status, shown.open_breaks, shown.open_difference) == ("matched", 1, -100)
    assert [b.number for b in await _breaks(bank, identifier, unresolved=True)] == [2]
    assert (await _breaks(bank, identifier))[0].resolution is not None
    assert await _resolve(bank, _resolving(identifier, 2, note)) == ["completed"]
    assert (await _shown(bank, identifier)).status == "closed"


@pytest.mark.parametrize(
    ("funded", "amount", "named", "change"),
    [
        ([], 250, False, -250),  # money came that the books do not know
        ([], -40, False, 40),  # a fee
        ([100], None, False, 100),  # the books know of money that never came
        ([100], 98, True, 2),  # less came than the books say
        ([100], 103, True, -3),
    ],
)
async def test_a_transfer_puts_the_books_right(
    bank: Bank, funded: list[int], amount: int | None, named: bool, change: int
) -> None:
    clearing, transfers = await _clearing(bank, 500, *funded)
    suspense = await _suspense(bank)
    lines = [_line(1, 500, transfers[0])]
    if amount is not None:
        lines.append(_line(2, amount, transfers[-1] if named else "UNKNOWN"))
    identifier = await _reconciled(bank, clearing, lines)
    (found,) = await _breaks(bank, identifier)
    before = await bank.balance(clearing)
    transfer = new_id()
    assert await _resolve(bank, _resolving(identifier, 1, _transfer(suspense, transfer))) == ["completed"]
    assert await bank.balance(clearing) - before == change == -found.difference
    assert await bank.balance(suspense) == -change
    subjects = [subject for subject, _ in await bank.said()]
    assert subjects[-2:] == ["wallet.events.transfer.posted", "wallet.events.break.resolved"]
    (resolved,) = await _breaks(bank, identifier)
    assert resolved.resolution is not None
    assert resolved.resolution.transfer_id == transfer
    assert (await _shown(bank, identifier)).status == "closed"
    # The statement of another bank shows none of it: nothing is missed there.
    again = await _reconciled(bank, clearing, [])
    assert await _breaks(bank, again) == []


async def _suspense(bank: Bank) -> UUID:
    return await _system_account(bank, "suspense", "liability")


async def _system_account(bank: Bank, kind: str, type_: str) -> UUID:
    identifier = new_id()
    await bank.database.pool.execute(
        "INSERT INTO account (id, kind, currency, type, created_at) VALUES ($1, $2, 'EUR', $3, now())",
        identifier,
        kind,
        type_,
    )
    return identifier


async def test_a_transfer_that_the_ledger_refuses_leaves_the_break_open(bank: Bank) -> None:
    clearing, _ = await _clearing(bank)
    wallet = await bank.wallet()
    identifier = await _reconciled(bank, clearing, [_line(1, -40)])
    assert await _resolve(bank, _resolving(identifier, 1, _transfer(wallet))) == ["refused insufficient_funds"]
    assert await _resolve(bank, _resolving(identifier, 1, _transfer(new_id()))) == ["refused debit_account_not_found"]
    assert (await _shown(bank, identifier)).open_breaks == 1


async def test_what_is_no_break_cannot_be_resolved(bank: Bank) -> None:
    clearing, _ = await _clearing(bank)
    suspense = await _suspense(bank)
    identifier = await _reconciled(bank, clearing, [_line(1, 10**13)])
    note = NoteResolution(note=NOTE)
    refusals = await _resolve(
        bank,
        _resolving(new_id(), 1, note),
        _resolving(identifier, 2, note),
        _resolving(identifier, 1, _transfer(suspense)),
    )
    assert refusals == ["refused break_not_found", "refused break_not_found", "refused break_too_large"]


async def test_an_entry_that_a_later_statement_shows_is_no_break_any_more(bank: Bank) -> None:
    clearing, (one,) = await _clearing(bank, 100)
    first = await _reconciled(bank, clearing, [])
    second = await _reconciled(bank, clearing, [_line(1, 100, one)])
    (found,) = await _breaks(bank, first)
    assert found.matched_later_by == second
    transfer = _resolving(first, 1, _transfer(await _suspense(bank)))
    assert await _resolve(bank, transfer) == ["refused break_matched_later"]
    assert await _resolve(bank, _resolving(first, 1, NoteResolution(note=NOTE))) == ["completed"]


async def test_matching_goes_on_where_it_was_interrupted(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    clearing, (one,) = await _clearing(bank, 100)
    monkeypatch.setattr(matching_job, "SECONDS", -1.0)  # one step in each transaction
    command = start(clearing, TODAY, TODAY)
    lines = [_line(1, 100, one)]
    await _import(bank, command, lines_of(command.data.reconciliation_id, lines))
    await _import(bank, end(command.data.reconciliation_id, lines))
    assert await match_all(bank) == 7
    assert (await _shown(bank, command.data.reconciliation_id)).status == "closed"


async def test_a_matching_that_the_database_ends_fails_and_can_be_asked_for_again(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    clearing, (one,) = await _clearing(bank, 100)
    steps = matching_job._STEPS

    async def end_it(tx: Any, _statement: Any) -> matching.Found:
        await tx.execute("SELECT 1 / 0")
        raise AssertionError

    command = start(clearing, TODAY, TODAY)
    identifier, lines = command.data.reconciliation_id, [_line(1, 100, one)]
    await _import(bank, command, lines_of(identifier, lines), end(identifier, lines))
    await bank.said()
    monkeypatch.setattr(matching_job, "_STEPS", (*steps[:2], ("reference", end_it), *steps[3:]))
    await match_all(bank)
    assert (await _shown(bank, identifier)).failure == "DivisionByZeroError"
    assert [subject for subject, _ in await bank.said()] == ["wallet.events.reconciliation.failed"]
    monkeypatch.setattr(matching_job, "_STEPS", steps)
    (reply,) = await _import(bank, end(identifier, lines))
    assert reply.resource["status"] == "matching"
    await match_all(bank)
    shown = await _shown(bank, identifier)
    assert (shown.status, shown.failure) == ("closed", None)


async def test_reconciliations_are_listed_newest_first(bank: Bank) -> None:
    clearing, _ = await _clearing(bank)
    made = [await _reconciled(bank, clearing, []) for _ in range(3)]

    async def listed(**asked: Any) -> tuple[list[UUID], UUID | None]:
        page = await queries.list_reconciliations(bank.database, envelope(ListReconciliations(**asked)))
        return [r.id for r in page.reconciliations], page.next_before

    assert await listed(limit=2) == ([made[2], made[1]], made[1])
    assert await listed(limit=2, before=made[1], account_id=clearing) == ([made[0]], None)
    assert await listed(account_id=new_id()) == ([], None)
    for asked in (
        queries.get_reconciliation(bank.database, envelope(GetReconciliation(id=new_id()))),
        queries.list_breaks(bank.database, envelope(ListBreaks(reconciliation_id=new_id()))),
    ):
        with pytest.raises(Refused, match="reconciliation_not_found"):
            await asked


async def test_breaks_come_in_pages(bank: Bank) -> None:
    clearing, _ = await _clearing(bank)
    identifier = await _reconciled(bank, clearing, [_line(n, n) for n in range(1, 6)])
    page = await queries.list_breaks(bank.database, envelope(ListBreaks(reconciliation_id=identifier, limit=3)))
    assert ([b.number for b in page.breaks], page.next_after) == ([1, 2, 3], 3)
    rest = ListBreaks(reconciliation_id=identifier, after=3, limit=3)
    page = await queries.list_breaks(bank.database, envelope(rest))
    assert ([b.number for b in page.breaks], page.next_after) == ([4, 5], None)


async def test_no_entry_is_in_two_matches(bank: Bank) -> None:
    clearing, (one,) = await _clearing(bank, 100)
    await _reconciled(bank, clearing, [_line(1, 100, one)])
    with pytest.raises(asyncpg.UniqueViolationError):
        await bank.database.pool.execute(
            "INSERT INTO entry_match SELECT account_id, sequence, gen_random_uuid(), 1, 'exact' FROM entry_match"
        )
