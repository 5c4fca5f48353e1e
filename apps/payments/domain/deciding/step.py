"""What one signal makes of a payment: the payment after it, what it asks for, what has happened, and who is told."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from apps.payments.domain.disputes import Dispute
from apps.payments.domain.intents import Intent
from apps.payments.domain.operations import Operation, settled
from apps.payments.domain.processing import Verb
from apps.payments.domain.public_view import public_view
from apps.payments.domain.refunds import Refund
from apps.payments.domain.routing import Routing
from apps.payments.domain.signals import Wish
from apps.payments.domain.transitions import TRANSITIONS, State, Trigger
from contracts.ids import new_id
from contracts.message import Message, Outcome, Problem
from contracts.payments import (
    PaymentIntentAmountCapturableUpdated,
    PaymentIntentCanceled,
    PaymentIntentFailed,
    PaymentIntentProcessing,
    PaymentIntentRequiresAction,
    PaymentIntentSucceeded,
)

RESTING = frozenset(
    {
        State.REQUIRES_PAYMENT_METHOD,
        State.IN_REVIEW,
        State.AWAITING_ACTION,
        State.REQUIRES_CAPTURE,
        State.SUCCEEDED,
        State.CANCELED,
    }
)
"""Where a payment stays until somebody does something: whoever set it going has their answer then."""

_EVENTS: Mapping[State, type[Message]] = MappingProxyType(
    {
        State.REQUIRES_PAYMENT_METHOD: PaymentIntentFailed,
        State.IN_REVIEW: PaymentIntentRequiresAction,
        State.AWAITING_ACTION: PaymentIntentRequiresAction,
        State.AUTHORISING: PaymentIntentProcessing,
        State.REQUIRES_CAPTURE: PaymentIntentAmountCapturableUpdated,
        State.SUCCEEDED: PaymentIntentSucceeded,
        State.CANCELED: PaymentIntentCanceled,
    }
)
_SILENT = frozenset({Trigger.UPDATE, Trigger.FELL_OVER})
"""What moves a payment without a public event."""


class Ignored(StrEnum):
    """Why a signal changes nothing: it came late, twice, too early, or is not ours."""

    UNKNOWN_INTENT = "unknown_intent"
    UNKNOWN_OPERATION = "unknown_operation"
    OTHER_ATTEMPT = "other_attempt"
    OUT_OF_STATE = "out_of_state"
    NOT_DUE = "not_due"
    OLD_NEWS = "old_news"
    TOO_EARLY = "too_early"
    OTHER_CURRENCY = "other_currency"


@dataclass(frozen=True, slots=True)
class Terms:
    """How long payments wait for what, which processors they go to, and where fresh ids come from."""

    routing: Routing
    risk_wait: timedelta = timedelta(seconds=60)
    capture_window: timedelta = timedelta(days=7)
    abandon_after: timedelta = timedelta(days=30)
    action_wait: timedelta = timedelta(hours=1)
    fresh_id: Callable[[], UUID] = new_id


@dataclass(frozen=True, slots=True)
class Payment:
    """An intent, its unsettled operations, and those of its refunds and disputes that are spoken of."""

    intent: Intent
    operations: Mapping[UUID, Operation] = field(default_factory=dict)
    refunds: Mapping[UUID, Refund] = field(default_factory=dict)
    disputes: Mapping[UUID, Dispute] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fact:
    """A hop: what happened, where the payment stands then, and the public event that tells it, if it is public."""

    number: int
    trigger: str
    state: State
    operation: UUID | None
    event: Message | None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to the command that was sent from the address `to`."""

    to: str
    outcome: Outcome
    resource: Message
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What a signal made of a payment. `operations` are those that are new or changed.

    `asked` are the new ones in the ledger and their commands' types: those are to be said, too, and `said`.
    """

    payment: Payment
    operations: Mapping[UUID, Operation]
    asked: tuple[tuple[Operation, type[Message]], ...]
    said: tuple[Message, ...]
    facts: tuple[Fact, ...]
    answers: tuple[Answer, ...]


class IllegalMoveError(Exception):
    """The machine was about to leave its table: a mistake in it, so that nothing of the batch is saved."""


class Draft:
    """A step in the making. `now` and `terms` are what the rules go by."""

    __slots__ = ("_answers", "_asked", "_facts", "_operations", "_said", "now", "payment", "terms")

    def __init__(self, payment: Payment, terms: Terms, now: datetime) -> None:
        self.payment = payment
        self.terms = terms
        self.now = now
        self._operations: dict[UUID, Operation] = {}
        self._asked: list[tuple[Operation, type[Message]]] = []
        self._said: list[Message] = []
        self._facts: list[Fact] = []
        self._answers: list[Answer] = []

    @property
    def intent(self) -> Intent:
        """The intent as it stands by now."""
        return self.payment.intent

    def step(self) -> Step:
        """Return the finished step."""
        asked, said = tuple(self._asked), tuple(self._said)
        return Step(self.payment, self._operations, asked, said, tuple(self._facts), tuple(self._answers))

    def begin(self, wish: Wish) -> None:
        """Note who waits for what becomes of the payment from now on."""
        self.change(asked_by=wish.asked_by, awaited=True)

    def accept(self) -> None:
        """Tell whoever still waits that the outcome follows."""
        intent = self.intent
        if intent.awaited and intent.asked_by:
            self._answers.append(Answer(intent.asked_by, Outcome.ACCEPTED, public_view(intent)))

    def move(
        self,
        trigger: Trigger,
        to: State,
        *,
        operation: UUID | None = None,
        error: Problem | None = None,
        **changes: Any,
    ) -> None:
        """Move the payment as the table says, and tell so; a wait that is not given anew is over.

        `error` is why it failed. Raises IllegalMoveError when the table has no such move.
        """
        before = self.intent
        if to not in TRANSITIONS[before.state].get(trigger, ()):
            raise IllegalMoveError(f"{before.state} -{trigger}-> {to}")
        if error is not None:
            changes["last_payment_error"] = error
        answered = before.awaited and to in RESTING
        fresh = {"deadline_at": None, "next_action": None} | changes
        if answered:
            fresh["awaited"] = False
        self.change(state=to, updated_at=self.now, hops=before.hops + 1, **fresh)
        event = None if trigger in _SILENT else _EVENTS.get(to)
        view = public_view(self.intent) if event or answered else None
        told = event.model_construct(payment_intent=view) if event else None
        self._facts.append(Fact(self.intent.hops, trigger.value, to, operation, told))
        if answered and before.asked_by and view:
            self._answers.append(Answer(before.asked_by, Outcome.COMPLETED, view, error))

    def note(self, trigger: str, *, operation: UUID | None = None, event: Message | None = None) -> None:
        """Tell what happened to the payment's operations, refunds or disputes; its state stays."""
        self.change(updated_at=self.now, hops=self.intent.hops + 1)
        self._facts.append(Fact(self.intent.hops, trigger, self.intent.state, operation, event))

    def change(self, **changes: Any) -> None:
        """Change the intent."""
        self.payment = replace(self.payment, intent=self.intent._replace(**changes))

    def say(self, message: Message) -> None:
        """Send a command to another room."""
        self._said.append(message)

    def answer(self, to: str | None, outcome: Outcome, resource: Message, problem: Problem | None = None) -> None:
        """Answer a command, if anybody waits."""
        if to:
            self._answers.append(Answer(to, outcome, resource, problem))

    def ask_ledger(
        self, identifier: UUID, verb: Verb, amount: int, command: Message, subject: UUID, at: datetime | None = None
    ) -> None:
        """Ask the ledger for something, under the id by which its outcome will name it; now, or `at` a later time."""
        asked = command.model_dump_json(exclude_none=True)
        operation = Operation(identifier, self.intent.id, subject, verb, None, amount, asked, self.now, next_at=at)
        if at is None:
            self._asked.append((operation, type(command)))
        self._keep(operation)

    def ask_processor(
        self, verb: Verb, amount: int, processor: str, details: Mapping[str, Any], subject: UUID
    ) -> Operation:
        """Ask a processor for something, now."""
        asked = json.dumps({"currency": self.intent.currency, **details})
        identifier = self.terms.fresh_id()
        operation = Operation(
            identifier, self.intent.id, subject, verb, processor, amount, asked, self.now, next_at=self.now
        )
        self._keep(operation)
        return operation

    def settle(self, operation: Operation, problem: Problem | None = None, reference: str | None = None) -> None:
        """Note the end of an operation."""
        ended = settled(operation, self.now, problem)
        self._keep(replace(ended, reference=reference) if reference else ended)

    def progress(self, operation: Operation) -> None:
        """Note how an operation stands that is not settled yet."""
        self._keep(operation)

    def keep_refund(self, refund: Refund) -> None:
        """Take a refund as it stands now."""
        self.payment = replace(self.payment, refunds={**self.payment.refunds, refund.id: refund})

    def keep_dispute(self, dispute: Dispute) -> None:
        """Take a dispute as it stands now."""
        self.payment = replace(self.payment, disputes={**self.payment.disputes, dispute.id: dispute})

    def _keep(self, operation: Operation) -> None:
        self._operations[operation.id] = operation
        unsettled = {**self.payment.operations, operation.id: operation}
        if operation.settled_at is not None:
            del unsettled[operation.id]
        self.payment = replace(self.payment, operations=unsettled)
