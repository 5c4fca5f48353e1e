"""Why a wish is refused and why an attempt failed: codes are stable, details say what may be done about it."""

from collections.abc import Mapping
from types import MappingProxyType

from apps.payments.domain.processing import Verb
from apps.payments.domain.transitions import State, Trigger, public_status, states_that_allow
from contracts.message import Problem
from contracts.risk import AUTHENTICATION_REQUIRED, RiskDecision, RuleAction

NOT_FOUND = Problem(
    code="payment_intent_not_found",
    detail="There is no such payment intent among yours.",
    parameter="payment_intent_id",
)
ID_TAKEN = Problem(
    code="payment_intent_exists",
    detail="There is a payment intent with this id already; choose a new id.",
    parameter="payment_intent_id",
)
SAME_WALLET = Problem(
    code="same_wallet",
    detail="The destination wallet is the source wallet; name another one.",
    parameter="destination_wallet",
)
SOURCE_REQUIRED = Problem(
    code="source_required", detail="A payout needs the wallet that it is taken from.", parameter="source_wallet"
)
DESTINATION_REQUIRED = Problem(
    code="destination_required",
    detail="A payment or a top-up needs the wallet that it goes to.",
    parameter="destination_wallet",
)
SOURCE_NOT_POSSIBLE = Problem(
    code="wallet_not_possible",
    detail="A source wallet goes with a payment from that wallet, or with a payout; leave it out.",
    parameter="source_wallet",
)
DESTINATION_NOT_POSSIBLE = Problem(
    code="wallet_not_possible",
    detail="A payout goes to a bank account; leave the destination wallet out.",
    parameter="destination_wallet",
)
METHOD_REQUIRED = Problem(
    code="payment_method_required",
    detail="Name the payment method to confirm with.",
    parameter="payment_method",
)
METHOD_NOT_POSSIBLE = Problem(
    code="payment_method_not_possible",
    detail="This payment method cannot be used for this payment; name another one.",
    parameter="payment_method",
)
NOBODY_TAKES_IT = Problem(
    code="payment_method_not_possible",
    detail="No processor takes this payment method for this amount, currency and country; name another one.",
    parameter="payment_method",
)
CAPTURE_METHOD_NOT_POSSIBLE = Problem(
    code="capture_method_not_possible",
    detail="A payout is captured automatically.",
    parameter="capture_method",
)
FEE_NOT_POSSIBLE = Problem(
    code="application_fee_not_possible",
    detail="A payout, and what a wallet pays to be captured by hand, has no application fee; leave it out.",
    parameter="application_fee",
)
FEE_TOO_LARGE = Problem(
    code="application_fee_not_possible",
    detail="The application fee must be smaller than the payment.",
    parameter="application_fee",
)
REFUND_NOT_POSSIBLE = Problem(code="refund_not_possible", detail="A payout has left for the bank and has no refunds.")
REFUND_ID_TAKEN = Problem(
    code="refund_exists",
    detail="There is a refund with this id already; choose a new id.",
    parameter="refund_id",
)
DISPUTE_NOT_FOUND = Problem(
    code="dispute_not_found", detail="There is no such dispute among yours.", parameter="dispute_id"
)
DISPUTE_CLOSED = Problem(code="dispute_closed", detail="This dispute was decided; nothing can be added any more.")
EVIDENCE_SUBMITTED = Problem(
    code="evidence_submitted", detail="Evidence for this dispute was submitted; that is possible once."
)
RISK_TIMED_OUT = Problem(
    code="risk_timed_out",
    detail="The payment could not be checked in time; no money was moved. Confirm it again.",
)
PROCESSOR_UNAVAILABLE = Problem(
    code="processor_unavailable",
    detail="No processor could be reached; no money was moved. Try again in a moment.",
)
DECLINED_BY_RISK = Problem(code="payment_declined", detail="The risk check declined this payment.")
DECLINED = Problem(code="card_declined", detail="The processor declined this without a reason; use another method.")
GIVEN_UP = Problem(code="payment_canceled", detail="The payment was canceled before its customer went on.")
OPERATION_NOT_FOUND = Problem(
    code="processor_operation_not_found",
    detail="There is no such operation at a processor.",
    parameter="operation_id",
)
OPERATION_NOT_IN_DOUBT = Problem(
    code="processor_operation_not_in_doubt",
    detail="Only an operation that is unknown or needs attention is settled by hand; this one is not, or not any more.",
)
OPERATION_IN_HAND = Problem(
    code="processor_operation_in_hand",
    detail="The processor is being asked about this operation; look at it again, and settle it with a new key.",
    retry_after=30,
)
SETTLEMENT_NOT_POSSIBLE = Problem(
    code="settlement_not_possible",
    detail="A void is asked for until it has succeeded: it can only be settled as that.",
    parameter="outcome",
)
REFERENCE_REQUIRED = Problem(
    code="reference_required",
    detail="Name the processor's reference: captures, voids and refunds of this payment will go by it.",
    parameter="reference",
)
OTHER_REFERENCE = Problem(
    code="reference_not_possible",
    detail="The processor has given this operation another reference; leave it out, or give that one.",
    parameter="reference",
)
REFERENCE_OF_ANOTHER = Problem(
    code="reference_not_possible",
    detail="This reference is that of another payment at the same processor.",
    parameter="reference",
)
_REASONS_SHOWN = 5

_OF_THE_LEDGER: Mapping[str, Problem] = MappingProxyType(
    {
        "debit_account_not_found": Problem(
            code="wallet_not_found",
            detail="There is no such source wallet among yours; pay from another one.",
            parameter="source_wallet",
        ),
        "credit_account_not_found": Problem(
            code="wallet_not_found",
            detail="The destination wallet does not exist; name another one.",
            parameter="destination_wallet",
        ),
        "insufficient_funds": Problem(
            code="insufficient_funds",
            detail="The source wallet holds too little for this payment; fund it and confirm again.",
            parameter="source_wallet",
        ),
        "currency_mismatch": Problem(
            code="currency_mismatch",
            detail="Payment, source wallet and destination wallet must be of one currency.",
            parameter="currency",
        ),
    }
)
"""The ledger's refusals that mean something to a customer; the ledger speaks of accounts, the customer of wallets."""
_REFUND_UNFUNDED = Problem(
    code="insufficient_funds",
    detail="The wallet that was paid holds too little for this refund; fund it and refund again.",
)
_NEVER_HAPPENED: Mapping[Verb, Problem] = MappingProxyType(
    {
        Verb.REFUND: Problem(code="refund_failed", detail="The processor could not give the money back."),
        Verb.PAYOUT: Problem(code="payout_failed", detail="The processor could not pay the money out."),
        Verb.EVIDENCE: Problem(code="processor_refused", detail="The processor has no evidence; give it again."),
    }
)
_NOT_PROCESSED = Problem(code="processing_error", detail="The processor could not process it; no money was moved.")
_DONE = MappingProxyType(
    {
        Trigger.UPDATE: "updated",
        Trigger.CONFIRM: "confirmed",
        Trigger.CAPTURE: "captured",
        Trigger.CANCEL: "canceled",
        Trigger.REFUND: "refunded",
    }
)


def never_happened(verb: Verb) -> Problem:
    """Return the problem of what an operator found not to have happened at the processor."""
    return _NEVER_HAPPENED.get(verb, _NOT_PROCESSED)


def unexpected_state(state: State, wish: Trigger) -> Problem:
    """Return the problem of a wish that the table does not allow; it names the statuses that do."""
    legal = " or ".join(states_that_allow(wish))
    detail = f"This payment intent is {public_status(state)}; only one that is {legal} can be {_DONE[wish]}."
    return Problem(code="payment_intent_unexpected_state", detail=detail)


def exceeds_capturable(amount: int) -> Problem:
    """Return the problem of a capture of more than `amount`."""
    detail = f"At most {amount} (in minor units) can be captured of this payment."
    return Problem(code="amount_exceeds_capturable", detail=detail, parameter="amount")


def exceeds_captured(amount: int) -> Problem:
    """Return the problem of a refund of more than `amount`."""
    detail = (
        f"At most {amount} (in minor units) can be refunded of this payment: "
        "what was captured, less what was refunded or is disputed."
    )
    return Problem(code="refund_exceeds_captured", detail=detail, parameter="amount")


def declined_by_risk(decision: RiskDecision) -> Problem:
    """Return the error of a declined payment; it names the reasons of the rules that decided, the first few.

    What the payer can cure by proving again who they are has a code of its own. Decisions of before rules had actions
    say by a rule's name that they are such, and all their rules count.
    """
    cures = decision.step_up or any(rule.name == AUTHENTICATION_REQUIRED for rule in decision.rules if not rule.action)
    decides = RuleAction.STEP_UP if cures else RuleAction.BLOCK
    rules = [rule for rule in decision.rules if rule.action in (None, decides)]
    reasons = " ".join(rule.reason for rule in rules[:_REASONS_SHOWN]) or _no_rule(decision)
    said = "Log in again to make this payment" if cures else "The risk check declined this payment"
    return Problem(
        code=AUTHENTICATION_REQUIRED if cures else "payment_declined",
        detail=f"{said}: {reasons}",
        reason_codes=decision.reason_codes or None,
        approvable_amount=decision.approvable_amount,
    )


def _no_rule(decision: RiskDecision) -> str:
    if decision.degraded:
        return "it could not be checked in time, and is too large to go on without. Try again in a moment."
    return "no reason was given." if decision.score is None else "all in all it is too doubtful."


def refused_by_ledger(problem: Problem) -> Problem:
    """Return the error of a payment that the ledger refused; a code that is not translated stays what it is."""
    known = _OF_THE_LEDGER.get(problem.code)
    return known or Problem(code=problem.code, detail=problem.detail)


def refund_refused_by_ledger(problem: Problem) -> Problem:
    """Return why the ledger refused a refund, in the merchant's terms."""
    if problem.code == _REFUND_UNFUNDED.code:
        return _REFUND_UNFUNDED
    return Problem(code=problem.code, detail=problem.detail)
