"""The assessment of a payment: what payments asks, and what risk decides."""

from enum import StrEnum
from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Message, command, decision
from contracts.money import Amount, Currency

AUTHENTICATION_REQUIRED = "authentication_required"
"""The reason code of a step-up: declined until the payer has proven again who they are (RFC 9470)."""

Pseudonym = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
"""What stands for a device, an address or a card: the first 128 bits of a keyed hash, in hex; the thing itself is in no
stream."""


class RiskOutcome(StrEnum):
    """What risk says about a payment; after `review` a second decision follows, when an analyst has decided."""

    APPROVE = "approve"
    DECLINE = "decline"
    REVIEW = "review"


class RuleAction(StrEnum):
    """What a rule that fires does; the first of step-up, allow, block and review that fires decides.

    A note only adds its weight to the score.
    """

    STEP_UP = "step_up"
    ALLOW = "allow"
    BLOCK = "block"
    REVIEW = "review"
    NOTE = "note"


@command("risk", "assess", senders=("payments",))
class Assess(Message):
    """Decide about a payment. The decision goes to the envelope's `replyto`: `risk.decisions.<requester>`.

    `payee` is who is paid, where that is somebody of ours. `authenticated_at` is when the payer last proved who they
    are, where a person asked for the payment. `country` is where the request says that it comes from (ISO 3166-1).
    `beneficiary` is the name of who gets a payout, where the request says it.
    """

    assessment_id: UUID7
    payment_intent_id: UUID7
    payer: UUID7
    source_wallet: UUID7 | None = None
    destination_wallet: UUID7 | None = None
    amount: Amount
    currency: Currency
    direction: Annotated[str, Field(max_length=40, description="As in the payment intent")] = "payment"
    method: Annotated[str, Field(max_length=40, description="The type of the payment method")] = "wallet"
    authenticated_at: AwareDatetime | None = None
    payee: UUID7 | None = None
    device: Pseudonym | None = None
    address: Pseudonym | None = None
    card: Pseudonym | None = None
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    beneficiary: Annotated[str, Field(min_length=1, max_length=200, pattern="^[^\x00]*$")] | None = None


class FiredRule(Message):
    """A rule that fired, and the values it saw: its name, what it does, and a code for programs.

    Decisions of before rule sets had actions say neither action nor code.
    """

    name: str
    reason: str
    action: RuleAction | None = None
    code: str | None = None


@decision("risk", "decision")
class RiskDecision(Message):
    """The outcome of an assessment; `rules` names each rule that fired, in the order of the rule set.

    `score` is from 0 to 100. `step_up` tells that the payer can have what is declined by proving who they are.
    `approvable_amount` is the largest amount below the one declined that would be approved, in minor units. `degraded`
    tells that the deadline was near and the policy for the amount decided; the decision itself follows. `rule_set` is
    the SHA-256 of the rule set that decided.
    """

    assessment_id: UUID7
    payment_intent_id: UUID7
    outcome: RiskOutcome
    rules: list[FiredRule]
    decided_at: AwareDatetime
    score: Annotated[int, Field(ge=0, le=100)] | None = None
    reason_codes: tuple[str, ...] = ()
    step_up: bool = False
    approvable_amount: Amount | None = None
    degraded: bool = False
    rule_set: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
