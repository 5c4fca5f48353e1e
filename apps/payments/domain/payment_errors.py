"""Why an attempt failed, in the customer's terms: codes are stable, details say what may be done about it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from contracts.message import Problem
from contracts.risk import FiredRule

RISK_TIMED_OUT = Problem(
    code="risk_timed_out",
    detail="The payment could not be checked in time; no money was moved. Confirm it again.",
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


def declined_by_risk(rules: Sequence[FiredRule]) -> Problem:
    """Return the error of a declined payment; it names the reasons of the rules that fired, the first few."""
    reasons = " ".join(rule.reason for rule in rules[:_REASONS_SHOWN]) or "no reason was given."
    return Problem(code="payment_declined", detail=f"The risk check declined this payment: {reasons}")


def refused_by_ledger(problem: Problem) -> Problem:
    """Return the error of a payment that the ledger refused; a code that is not translated stays what it is."""
    known = _OF_THE_LEDGER.get(problem.code)
    return known or Problem(code=problem.code, detail=problem.detail)
