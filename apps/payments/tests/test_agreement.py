"""What was asked of the ledger against what the ledger has: each way in which they can differ."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from apps.payments.domain.agreement import Known, difference, ids_to_ask
from apps.payments.domain.operations import Operation, OperationStatus
from apps.payments.domain.processing import Verb
from contracts.ids import new_id
from contracts.message import Message
from contracts.wallet import (
    AccountKind,
    CaptureHold,
    Effects,
    HoldEffect,
    HoldStatus,
    PlaceHold,
    PostJournal,
    PostTransfer,
    SystemAccountName,
    TransferEffect,
    TransferLeg,
    VoidHold,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)
INTENT, PAYER, SHOP, OTHER = (new_id() for _ in range(4))
FEES = SystemAccountName(kind=AccountKind.FEES)


def _operation(verb: Verb, asked: Message, identifier: UUID, amount: int = 100) -> Operation:
    text = asked.model_dump_json(exclude_none=True)
    status = OperationStatus.SUCCEEDED
    return Operation(identifier, INTENT, INTENT, verb, None, amount, text, NOW, status=status, settled_at=NOW)


def _posted(transfer: UUID, amount: int = 100, **facts: Any) -> TransferEffect:
    known = {"debit_account": PAYER, "credit_account": SHOP, "currency": "EUR", "reference": INTENT}
    return TransferEffect.model_validate({"id": transfer, "amount": amount} | known | facts)


def _effects(*transfers: TransferEffect, holds: tuple[HoldEffect, ...] = ()) -> Effects:
    return Effects(transfers=list(transfers), holds=list(holds), refused=[])


def _found(operation: Operation, effects: Effects) -> str | None:
    return difference(operation, Known.of(effects))


def _transfer() -> Operation:
    asked = PostTransfer(
        transfer_id=new_id(), debit_account=PAYER, credit_account=SHOP, amount=100, currency="EUR", reference=INTENT
    )
    return _operation(Verb.POST, asked, asked.transfer_id)


def test_a_transfer_as_it_was_asked_agrees() -> None:
    operation = _transfer()
    assert list(ids_to_ask(operation)) == [operation.id]
    assert _found(operation, _effects(_posted(operation.id))) is None


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"amount": 99}, "the amount of transfer"),
        ({"currency": "USD"}, "the currency of transfer"),
        ({"reference": OTHER}, "the reference of transfer"),
        ({"reference": None}, "the reference of transfer"),
        ({"debit_account": OTHER}, f"moved money on account {OTHER}, not on {PAYER}"),
        ({"credit_account": OTHER}, f"moved money on account {OTHER}, not on {SHOP}"),
    ],
)
def test_a_transfer_of_something_else_differs(facts: dict[str, Any], says: str) -> None:
    operation = _transfer()
    assert says in (_found(operation, _effects(_posted(operation.id, **facts))) or "")


def test_what_cannot_be_read_is_told_and_holds_nothing_up() -> None:
    operation = replace(_transfer(), asked='{"transfer_id": 1}')
    assert "cannot be read" in (_found(operation, _effects(_posted(operation.id))) or "")


def test_a_transfer_that_is_not_there_differs() -> None:
    assert "is not in the ledger" in (_found(_transfer(), _effects(_posted(new_id()))) or "")


@pytest.mark.parametrize("verb", [Verb.POST, Verb.HOLD, Verb.CAPTURE_HOLD])
def test_what_was_refused_must_not_be_there(verb: Verb) -> None:
    operation = replace(_transfer(), verb=verb, status=OperationStatus.FAILED)
    hold = HoldEffect(id=operation.id, amount=1, currency="EUR", captured=0, remaining=1, status=HoldStatus.PENDING)
    assert _found(operation, _effects()) is None
    for effects in (_effects(_posted(operation.id)), _effects(holds=(hold,))):
        assert "was refused, and the ledger has it" in (_found(operation, effects) or "")


def _journal() -> tuple[Operation, list[TransferEffect]]:
    journal, first, second = new_id(), new_id(), new_id()
    legs = [
        TransferLeg(transfer_id=first, debit_account=PAYER, credit_account=SHOP, amount=90, currency="EUR"),
        TransferLeg(transfer_id=second, debit_account=PAYER, credit_account=FEES, amount=10, currency="EUR"),
    ]
    asked = PostJournal(journal_id=journal, legs=legs, reference=INTENT)
    posted = [
        _posted(first, 90, journal_id=journal),
        _posted(second, 10, journal_id=journal, credit_account=OTHER, credit_name=FEES),
    ]
    return _operation(Verb.POST, asked, journal), posted


def test_a_journal_is_compared_leg_by_leg() -> None:
    operation, posted = _journal()
    assert _found(operation, _effects(*posted)) is None
    assert f"transfer {posted[1].id} is not in the ledger" == _found(operation, _effects(posted[0]))
    elsewhere = posted[1].model_copy(update={"credit_name": SystemAccountName(kind=AccountKind.SUSPENSE)})
    assert "not on fees" in (_found(operation, _effects(posted[0], elsewhere)) or "")
    third = _posted(new_id(), 5, journal_id=operation.id)
    assert "has 3 transfers, not 2" in (_found(operation, _effects(*posted, third)) or "")


def _held(hold: UUID, captured: int = 0, remaining: int = 100, **facts: Any) -> HoldEffect:
    status = HoldStatus.PENDING if remaining else HoldStatus.CAPTURED
    known = {"amount": 100, "currency": "EUR", "reference": INTENT, "status": status}
    return HoldEffect.model_validate({"id": hold, "captured": captured, "remaining": remaining} | known | facts)


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({}, None),
        ({"amount": 99}, "the amount of hold"),
        ({"currency": "USD"}, "the currency of hold"),
        ({"reference": OTHER}, "the reference of hold"),
    ],
)
def test_a_hold_is_compared(facts: dict[str, Any], says: str | None) -> None:
    hold, until = new_id(), NOW + timedelta(days=7)
    asked = PlaceHold(
        hold_id=hold, debit_account=PAYER, credit_account=SHOP, amount=100, currency="EUR", expires_at=until
    )
    found = _found(_operation(Verb.HOLD, asked, hold), _effects(holds=(_held(hold, **facts),)))
    assert found is None if says is None else says in (found or "")
    assert "is not in the ledger" in (_found(_operation(Verb.HOLD, asked, hold), _effects()) or "")


@pytest.mark.parametrize(
    ("transfer", "captured", "says"),
    [
        ({}, 60, None),
        ({"amount": 59}, 60, "the amount of capture"),
        ({"hold_id": OTHER}, 60, f"is of hold {OTHER}"),
        ({}, 0, "does not count capture"),
    ],
)
def test_a_capture_is_compared_with_its_hold(transfer: dict[str, Any], captured: int, says: str | None) -> None:
    hold, identifier = new_id(), new_id()
    asked = CaptureHold(transfer_id=identifier, hold_id=hold, amount=60, reference=INTENT)
    operation = _operation(Verb.CAPTURE_HOLD, asked, identifier, 60)
    assert list(ids_to_ask(operation)) == [identifier, hold]
    facts: dict[str, Any] = {"amount": 60, "hold_id": hold} | transfer
    posted = _posted(identifier, **facts)
    found = _found(operation, _effects(posted, holds=(_held(hold, captured, 40),)))
    assert found is None if says is None else says in (found or "")
    assert "is not in the ledger" in (_found(operation, _effects()) or "")


def test_what_was_given_back_reserves_nothing() -> None:
    hold, identifier = new_id(), new_id()
    operation = _operation(Verb.VOID_HOLD, VoidHold(operation_id=identifier, hold_id=hold), identifier)
    assert _found(operation, _effects(holds=(_held(hold, remaining=0),))) is None
    assert "still reserves 100" in (_found(operation, _effects(holds=(_held(hold),))) or "")
    assert "is not in the ledger" in (_found(operation, _effects()) or "")
