"""What risk, the ledger and the clock say moves an attempt on; what does not concern the current attempt is ignored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from apps.payments.domain.intents import Attempt, Intent
from apps.payments.domain.transitions import Trigger, next_state
from contracts.message import Problem

_ABOUT_THE_TRANSFER = frozenset({Trigger.TRANSFER_POSTED, Trigger.TRANSFER_REFUSED})


@dataclass(frozen=True, slots=True)
class Signal:
    """What happened to the attempt whose assessment or transfer is `subject`; `error` is why it failed."""

    intent_id: UUID
    trigger: Trigger
    subject: UUID
    error: Problem | None = None


class Ignored(StrEnum):
    """Why a signal changes nothing, in the order in which it is found out."""

    UNKNOWN_INTENT = "unknown_intent"
    OTHER_ATTEMPT = "other_attempt"
    OUT_OF_STATE = "out_of_state"


def advance(intent: Intent | None, signal: Signal, now: datetime) -> Intent | Ignored:
    """Return the intent after the signal, or why the signal is ignored (it came late, twice, or is not ours)."""
    if intent is None:
        return Ignored.UNKNOWN_INTENT
    if intent.attempt is None or _subject(intent.attempt, signal.trigger) != signal.subject:
        return Ignored.OTHER_ATTEMPT
    state = next_state(intent.state, signal.trigger)
    if state is None:
        return Ignored.OUT_OF_STATE
    return replace(intent, state=state, last_payment_error=signal.error, deadline_at=None, updated_at=now)


def advance_all(intents: Mapping[UUID, Intent], signals: Sequence[Signal], now: datetime) -> list[Intent | Ignored]:
    """Decide signal by signal, each on what the ones before it left; results are in the order of the signals."""
    current = dict(intents)
    results: list[Intent | Ignored] = []
    for signal in signals:
        result = advance(current.get(signal.intent_id), signal, now)
        if isinstance(result, Intent):
            current[result.id] = result
        results.append(result)
    return results


def _subject(attempt: Attempt, trigger: Trigger) -> UUID:
    return attempt.transfer_id if trigger in _ABOUT_THE_TRANSFER else attempt.assessment_id
