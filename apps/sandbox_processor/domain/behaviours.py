"""Everything magic, in one table: which token or number makes the network do what.

The code plays it, the tests go through it row by row, and docs/guides/sandbox-processor.md prints it. Card numbers are
Stripe's public test numbers (https://docs.stripe.com/testing) where those mean the same. All times are in seconds.
"""

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum

from apps.sandbox_processor.domain.words import STARTERS, DisputeStatus, OperationType, Status

SOON = 0.05
SETTLES_AFTER = 1.0
DISPUTE_OPENS_AFTER = 0.5
DISPUTE_ENDS_AFTER = 1.5
REPEATED_AFTER = 0.3
OVERTAKEN_BY = 0.5
AFTER_ANY_QUERY = 60.0
"""A lost answer's webhook comes so late that the client has to ask."""


class Answering(StrEnum):
    """When and how the HTTP answer comes."""

    AT_ONCE = "at once"
    LATE = "late"  # after SANDBOX_PROCESSOR_LATE_SECONDS; it was executed at once
    LOST = "lost"  # executed, and never answered: the connection hangs
    REQUEST_LOST = "request lost"  # the same, but not executed; the next attempt with the same key arrives
    AFTER_WEBHOOK = "after webhook"  # only when the client has taken the webhook
    UNAVAILABLE = "unavailable"  # 503, and certainly not executed


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputePlan:
    """What happens to an approved charge or capture later. `ends` None: it stays open until somebody closes it."""

    ends: DisputeStatus | None = None
    opened_sent_after: float = SOON
    reason: str = "fraudulent"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One row: a token, the numbers that tokenise to it, and what they do to the operations in `plays_on`."""

    token: str
    does: str
    _: KW_ONLY
    numbers: tuple[str, ...] = ()
    plays_on: frozenset[OperationType] = STARTERS
    only_account: str | None = None
    answering: Answering = Answering.AT_ONCE
    status: Status = Status.APPROVED
    decline_code: str | None = None
    sent_after: tuple[float, ...] = (SOON,)  # after the settlement, or the answer if that is later
    pending_sent_after: float | None = None  # also tell that it is pending, this long after the answer
    dispute: DisputePlan | None = None

    def plays(self, operation: OperationType, account: str) -> bool:
        """Say whether it does anything unusual to an operation on an account."""
        return operation in self.plays_on and self.only_account in {None, account}


def _declined(token: str, code: str, numbers: tuple[str, ...], also: str = "") -> Behaviour:
    does = f"Declined: `{code}`.{also}"
    return Behaviour(token, does, numbers=numbers, status=Status.DECLINED, decline_code=code)


_ON_REFUND = frozenset({OperationType.REFUND})
_ON_CAPTURE = frozenset({OperationType.CAPTURE})
_ON_VOID = frozenset({OperationType.VOID})

USUAL = Behaviour(
    "tok_visa",
    "Approved.",
    numbers=("4242424242424242", "5555555555554444"),
)

TABLE: tuple[Behaviour, ...] = (
    USUAL,
    _declined("tok_declined", "card_declined", ("4000000000000002",)),
    _declined("tok_insufficient_funds", "insufficient_funds", ("4000000000009995",)),
    _declined("tok_expired", "expired_card", ("4000000000000069",)),
    _declined("tok_stolen", "stolen_card", ("4000000000009979",)),
    _declined("tok_lost", "lost_card", ("4000000000009987",)),
    _declined("tok_fraudulent", "fraudulent", ("4100000000000019",)),
    _declined("tok_incorrect_number", "incorrect_number", ()),
    _declined("tok_incorrect_cvc", "incorrect_cvc", ("4000000000000127",)),
    _declined("tok_processing_error", "processing_error", ("4000000000000119",)),
    Behaviour(
        "tok_requires_action",
        "The customer has to authenticate at `action_url` first; then approved, or declined: `authentication_failed`.",
        numbers=("4000002760003184", "4000002500003155"),
        status=Status.REQUIRES_ACTION,
    ),
    Behaviour(
        "tok_timeout",
        "Approved, but never answered; a query says so at once, the webhook a minute later.",
        numbers=("4000000000100018",),
        answering=Answering.LOST,
        sent_after=(AFTER_ANY_QUERY,),
    ),
    Behaviour(
        "tok_timeout_declined",
        "Declined: `card_declined`, but never answered; a query says so at once, the webhook a minute later.",
        numbers=("4000000000100026",),
        answering=Answering.LOST,
        status=Status.DECLINED,
        decline_code="card_declined",
        sent_after=(AFTER_ANY_QUERY,),
    ),
    Behaviour(
        "tok_timeout_lost",
        "Never answered and never executed: a query says 404. The next attempt with the same key is approved.",
        numbers=("4000000000100034",),
        answering=Answering.REQUEST_LOST,
    ),
    Behaviour(
        "tok_late",
        "Approved, but answered late; a query says so at once, the webhook after the answer.",
        numbers=("4000000000100042",),
        answering=Answering.LATE,
    ),
    Behaviour(
        "tok_pending",
        "Pending; approved a second later, told by webhook.",
        numbers=("4000000000100059", "DE08370400440532013003"),
        status=Status.PENDING,
    ),
    Behaviour(
        "tok_twice",
        "Approved; the webhook is sent twice.",
        numbers=("4000000000100067",),
        sent_after=(SOON, REPEATED_AFTER),
    ),
    Behaviour(
        "tok_webhook_first",
        "Approved; the answer comes only after the webhook was taken, or two seconds without that.",
        numbers=("4000000000100075",),
        answering=Answering.AFTER_WEBHOOK,
        sent_after=(0.0,),
    ),
    Behaviour(
        "tok_reordered",
        "Pending; approved a second later. The webhook that it is pending comes after that it is approved.",
        numbers=("4000000000100083",),
        status=Status.PENDING,
        pending_sent_after=SETTLES_AFTER + OVERTAKEN_BY,
    ),
    Behaviour(
        "tok_unavailable",
        "503 on the account `sandbox`, certainly not executed; approved on any other account.",
        numbers=("4000000000100091",),
        only_account="sandbox",
        answering=Answering.UNAVAILABLE,
    ),
    Behaviour(
        "tok_disputed",
        "Approved; half a second later a dispute is opened. It stays open until evidence or a close decides it.",
        numbers=("4000000000000259",),
        dispute=DisputePlan(),
    ),
    Behaviour(
        "tok_disputed_won",
        "The same, and another one and a half seconds later the dispute is won.",
        numbers=("4000000000100109",),
        dispute=DisputePlan(ends=DisputeStatus.WON),
    ),
    Behaviour(
        "tok_disputed_lost",
        "The same, but lost.",
        numbers=("4000000000100117",),
        dispute=DisputePlan(ends=DisputeStatus.LOST, reason="product_not_received"),
    ),
    Behaviour(
        "tok_disputed_reordered",
        "The dispute is lost, and the webhook that it was opened comes after the one that it is closed.",
        numbers=("4000000000100125",),
        dispute=DisputePlan(ends=DisputeStatus.LOST, opened_sent_after=DISPUTE_ENDS_AFTER + OVERTAKEN_BY),
    ),
    Behaviour("tok_bank", "A bank account: approved.", numbers=("DE89370400440532013000",)),
    _declined("tok_bank_closed", "account_closed", ("DE62370400440532013001",), " A bank account."),
    Behaviour(
        "tok_refund_fails",
        "Approved; refunds of it are declined: `refund_failed`.",
        numbers=("4000000000005126",),
        plays_on=_ON_REFUND,
        status=Status.DECLINED,
        decline_code="refund_failed",
    ),
    Behaviour(
        "tok_refund_pending",
        "Approved; refunds of it are pending, and approved a second later.",
        numbers=("4000000000007726",),
        plays_on=_ON_REFUND,
        status=Status.PENDING,
    ),
    Behaviour(
        "tok_refund_timeout",
        "Approved; refunds of it are executed and never answered.",
        plays_on=_ON_REFUND,
        answering=Answering.LOST,
        sent_after=(AFTER_ANY_QUERY,),
    ),
    Behaviour(
        "tok_capture_declined",
        "Approved; captures of it are declined: `card_declined`.",
        plays_on=_ON_CAPTURE,
        status=Status.DECLINED,
        decline_code="card_declined",
    ),
    Behaviour(
        "tok_capture_timeout",
        "Approved; captures of it are executed and never answered.",
        plays_on=_ON_CAPTURE,
        answering=Answering.LOST,
        sent_after=(AFTER_ANY_QUERY,),
    ),
    Behaviour(
        "tok_void_timeout",
        "Approved; voids of it are executed and never answered.",
        plays_on=_ON_VOID,
        answering=Answering.LOST,
        sent_after=(AFTER_ANY_QUERY,),
    ),
)

WINNING_EVIDENCE, LOSING_EVIDENCE = "winning_evidence", "losing_evidence"
"""Evidence that says one of these anywhere decides the dispute after DISPUTE_ENDS_AFTER (Stripe's own words)."""

_BY_TOKEN = {behaviour.token: behaviour for behaviour in TABLE}
_BY_NUMBER = {number: behaviour for behaviour in TABLE for number in behaviour.numbers}


def behaviour_of(token: str) -> Behaviour | None:
    """Return what a well-known token does; None for any other."""
    return _BY_TOKEN.get(token)


def token_of(number: str) -> str | None:
    """Return the well-known token of a test card number or test IBAN; None for any other."""
    behaviour = _BY_NUMBER.get(number)
    return behaviour.token if behaviour else None


def verdict_of(evidence: Iterable[str]) -> DisputeStatus | None:
    """Return how a dispute ends on this evidence; None when the evidence says nothing magic."""
    said = set(evidence)
    if WINNING_EVIDENCE in said:
        return DisputeStatus.WON
    return DisputeStatus.LOST if LOSING_EVIDENCE in said else None
