"""What the ledger says when it refuses, for the OpenAPI document: by code, in the order of the ledger's rules."""

from collections.abc import Mapping

_DETAILS = {
    "already_reversed": "The transfer has been reversed in full.",
    "exceeds_original": "All reversals of a transfer together cannot exceed it.",
    "hold_expired": "The hold has expired.",
    "hold_not_pending": "The hold was captured in full or voided; it reserves nothing any more.",
    "exceeds_hold": "The amount is more than what the hold still reserves.",
    "expiry_in_past": "The hold would have expired already; its expiry must be in the future.",
    "expiry_not_later": "The new expiry must be later than the present one.",
    "too_many_transfers": "A journal holds at most a hundred transfers; an exchange counts as two.",
    "same_currency": "An exchange must be between two currencies.",
    "rate_mismatch": "The amount bought is not the amount sold at the rate, rounded half to even.",
    "same_account": "Debit and credit account are the same; a transfer needs two accounts.",
    "debit_account_not_found": "The account to take the money from does not exist, or is not the payer's.",
    "credit_account_not_found": "The account to bring the money to does not exist.",
    "currency_mismatch": "The transfer and its two accounts must have the same currency.",
    "debit_account_closed": "The account to take the money from is closed.",
    "credit_account_closed": "The account to bring the money to is closed.",
    "debit_account_frozen": "The account to take the money from is frozen.",
    "credit_account_frozen": "The account to bring the money to is frozen.",
    "effective_in_future": "The effective date is in the future.",
    "effective_too_early": "The effective date is before 1970.",
    "period_closed": "The effective date is in a closed period.",
    "too_many_later_entries": "The account has too many entries after the effective date.",
    "insufficient_funds": "The balance of the account to take the money from is too low.",
    "ceiling_exceeded": "The balance of the account to bring the money to would exceed its ceiling.",
    "balance_overflow": "A balance would become larger than the ledger can hold.",
    "insufficient_funds_then": "The balance of the account to take the money from was too low then, or later.",
    "ceiling_exceeded_then": "The account to bring the money to would exceed its ceiling then, or later.",
}
_DATED_BACK = (
    "effective_in_future",
    "effective_too_early",
    "period_closed",
    "too_many_later_entries",
    "insufficient_funds_then",
    "ceiling_exceeded_then",
)
_OPEN = ("debit_account_closed", "credit_account_closed", "debit_account_frozen", "credit_account_frozen")
_BALANCES = ("insufficient_funds", "ceiling_exceeded", "balance_overflow")

RESERVING = (*_OPEN, "insufficient_funds")
"""What can keep money from being reserved."""
MOVING = (*_OPEN, *_BALANCES)
"""What can keep money from moving from one account to another."""
MOVING_DATED = (*MOVING, *_DATED_BACK)
"""The same where it may also be dated back."""
FUNDING = ("credit_account_closed", "credit_account_frozen", "ceiling_exceeded", "balance_overflow")
"""What can keep money from coming in."""


def refusals(*codes: str) -> Mapping[str, str]:
    """Return code -> detail, in the order in which the ledger asks its rules. Raises KeyError for an unknown code."""
    known = {code: _DETAILS[code] for code in codes}
    return {code: detail for code, detail in _DETAILS.items() if code in known}
