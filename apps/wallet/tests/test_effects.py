"""What payments reads of the ledger to check its own records."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from apps.wallet.queries import effects
from apps.wallet.queries.effects import get_effects
from apps.wallet.tests.bank import Bank, capturing, envelope, funding, journal, leg, place_short_hold, placing, transfer
from contracts.ids import new_id
from contracts.wallet import AccountKind, GetEffects, SystemAccountName
from outbox.responder import Refused

LATER = datetime.now(UTC) + timedelta(hours=1)


async def test_transfers_journals_holds_and_refusals_are_found_under_their_ids(bank: Bank) -> None:
    a, b = await bank.wallet(balance=1000), await bank.wallet()
    plain, refused = transfer(a, b, 100, reference=new_id()), transfer(b, a, 5000)
    first, second = leg(a, b, 7), leg(b, a, 2)
    both = journal(first, second, reference=new_id())
    hold, late = placing(a, b, 50, LATER, reference=new_id()), placing(a, b, 5, datetime.now(UTC) + timedelta(days=1))
    capture, unasked, unknown = capturing(hold.data.hold_id, 20), transfer(a, b, 1), new_id()
    await bank.post(plain, refused, both, hold, late, capture, unasked)
    ids = [plain.data.transfer_id, refused.data.transfer_id, both.data.journal_id, hold.data.hold_id,
           late.data.hold_id, capture.data.transfer_id, unknown, plain.data.transfer_id]  # fmt: skip
    found = await get_effects(bank.database, envelope(GetEffects(ids=ids)))
    assert [(t.id, t.journal_id, t.hold_id, t.amount, t.reference) for t in found.transfers] == [
        (plain.data.transfer_id, None, None, 100, plain.data.reference),
        (first.transfer_id, both.data.journal_id, None, 7, both.data.reference),
        (second.transfer_id, both.data.journal_id, None, 2, both.data.reference),
        (capture.data.transfer_id, None, hold.data.hold_id, 20, hold.data.reference),
    ]  # fmt: skip
    assert {(t.debit_account, t.credit_account, t.currency) for t in found.transfers} == {(a, b, "EUR"), (b, a, "EUR")}
    assert [(h.id, h.amount, h.captured, h.remaining, h.status.value) for h in found.holds] == [
        (hold.data.hold_id, 50, 20, 30, "pending"), (late.data.hold_id, 5, 0, 5, "pending"),
    ]  # fmt: skip
    assert [(r.id, r.code) for r in found.refused] == [(refused.data.transfer_id, "insufficient_funds")]


async def test_the_systems_own_accounts_are_told_by_name(bank: Bank) -> None:
    wallet = await bank.wallet()
    command = funding(wallet, 5)
    await bank.post(command)
    [posted] = (await get_effects(bank.database, envelope(GetEffects(ids=[command.data.transfer_id])))).transfers
    assert (posted.debit_name, posted.credit_name) == (SystemAccountName(kind=AccountKind.CLEARING), None)


async def test_a_hold_whose_time_is_over_counts_as_expired_before_any_sweep(bank: Bank) -> None:
    a, b = await bank.wallet(balance=10), await bank.wallet()
    hold_id = await place_short_hold(bank, a, b, 5)
    [hold] = (await get_effects(bank.database, envelope(GetEffects(ids=[hold_id])))).holds
    assert (hold.status.value, hold.remaining) == ("expired", 0)


async def test_more_transfers_than_fit_into_an_answer_are_refused(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = await bank.wallet(balance=100), await bank.wallet()
    plain, both = transfer(a, b, 1), journal(leg(a, b, 1), leg(a, b, 1))
    await bank.post(plain, both)
    asked = envelope(GetEffects(ids=[plain.data.transfer_id, both.data.journal_id]))
    monkeypatch.setattr(effects, "EFFECTS_LIMIT", 3)
    assert len((await get_effects(bank.database, asked)).transfers) == 3
    monkeypatch.setattr(effects, "EFFECTS_LIMIT", 2)
    with pytest.raises(Refused) as refusal:
        await get_effects(bank.database, asked)
    assert refusal.value.problem.code == "too_many_effects"


@pytest.mark.parametrize("count", [0, 501])
def test_at_least_one_id_and_at_most_500(count: int) -> None:
    with pytest.raises(ValidationError):
        GetEffects(ids=[new_id() for _ in range(count)])
