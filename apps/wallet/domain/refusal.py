"""Why an operation is refused: one name per rule, in the order in which the rules are asked."""

from enum import Enum


class Refusal(Enum):
    """A rule that an operation broke; the first one that applies, from top to bottom, is the answer.

    The value is the public code. An account that is not the payer's is "not found", so that ids cannot be probed.
    """

    # Its id
    TRANSFER_ID_REUSED = "transfer_id_reused"
    JOURNAL_ID_REUSED = "journal_id_reused"
    HOLD_ID_REUSED = "hold_id_reused"
    OPERATION_ID_REUSED = "operation_id_reused"
    # What it is about
    TRANSFER_NOT_FOUND = "transfer_not_found"
    ALREADY_REVERSED = "already_reversed"
    EXCEEDS_ORIGINAL = "exceeds_original"
    HOLD_NOT_FOUND = "hold_not_found"
    HOLD_EXPIRED = "hold_expired"
    HOLD_NOT_PENDING = "hold_not_pending"
    EXCEEDS_HOLD = "exceeds_hold"
    EXPIRY_IN_PAST = "expiry_in_past"
    EXPIRY_NOT_LATER = "expiry_not_later"
    TOO_MANY_TRANSFERS = "too_many_transfers"
    SAME_CURRENCY = "same_currency"
    RATE_MISMATCH = "rate_mismatch"
    # Its accounts
    SAME_ACCOUNT = "same_account"
    DEBIT_ACCOUNT_NOT_FOUND = "debit_account_not_found"
    CREDIT_ACCOUNT_NOT_FOUND = "credit_account_not_found"
    CURRENCY_MISMATCH = "currency_mismatch"
    DEBIT_ACCOUNT_CLOSED = "debit_account_closed"
    CREDIT_ACCOUNT_CLOSED = "credit_account_closed"
    DEBIT_ACCOUNT_FROZEN = "debit_account_frozen"
    CREDIT_ACCOUNT_FROZEN = "credit_account_frozen"
    # Its date
    EFFECTIVE_IN_FUTURE = "effective_in_future"
    EFFECTIVE_TOO_EARLY = "effective_too_early"
    PERIOD_CLOSED = "period_closed"
    TOO_MANY_LATER_ENTRIES = "too_many_later_entries"
    # Its effect on balances: now, and at every instant since it is to be effective
    INSUFFICIENT_FUNDS = "insufficient_funds"
    CEILING_EXCEEDED = "ceiling_exceeded"
    BALANCE_OVERFLOW = "balance_overflow"
    INSUFFICIENT_FUNDS_THEN = "insufficient_funds_then"
    CEILING_EXCEEDED_THEN = "ceiling_exceeded_then"

    @property
    def detail(self) -> str:
        """The sentence for people; it tells nothing about accounts that are not theirs."""
        return _DETAILS[self]


_DETAILS = {
    Refusal.TRANSFER_ID_REUSED: "Another transfer was asked for under this id; use a new id for a new transfer.",
    Refusal.JOURNAL_ID_REUSED: "Another journal was asked for under this id; use a new id for a new journal.",
    Refusal.HOLD_ID_REUSED: "Another hold was asked for under this id; use a new id for a new hold.",
    Refusal.OPERATION_ID_REUSED: "Something else was asked for under this id; use a new id for a new operation.",
    Refusal.TRANSFER_NOT_FOUND: "There is no transfer with the id that is to be reversed.",
    Refusal.ALREADY_REVERSED: "The transfer has been reversed in full.",
    Refusal.EXCEEDS_ORIGINAL: "All reversals of a transfer together cannot exceed it.",
    Refusal.HOLD_NOT_FOUND: "There is no hold with this id.",
    Refusal.HOLD_EXPIRED: "The hold has expired.",
    Refusal.HOLD_NOT_PENDING: "The hold was captured in full or voided; it reserves nothing any more.",
    Refusal.EXCEEDS_HOLD: "The amount is more than what the hold still reserves.",
    Refusal.EXPIRY_IN_PAST: "The hold would have expired already; its expiry must be in the future.",
    Refusal.EXPIRY_NOT_LATER: "The new expiry must be later than the present one.",
    Refusal.TOO_MANY_TRANSFERS: "A journal holds at most a hundred transfers; an exchange counts as two.",
    Refusal.SAME_CURRENCY: "An exchange must be between two currencies.",
    Refusal.RATE_MISMATCH: "The amount bought is not the amount sold at the rate, rounded half to even.",
    Refusal.SAME_ACCOUNT: "Debit and credit account are the same; a transfer needs two accounts.",
    Refusal.DEBIT_ACCOUNT_NOT_FOUND: "The account to take the money from does not exist, or is not the payer's.",
    Refusal.CREDIT_ACCOUNT_NOT_FOUND: "The account to bring the money to does not exist.",
    Refusal.CURRENCY_MISMATCH: "The transfer and its two accounts must have the same currency.",
    Refusal.DEBIT_ACCOUNT_CLOSED: "The account to take the money from is closed.",
    Refusal.CREDIT_ACCOUNT_CLOSED: "The account to bring the money to is closed.",
    Refusal.DEBIT_ACCOUNT_FROZEN: "The account to take the money from is frozen.",
    Refusal.CREDIT_ACCOUNT_FROZEN: "The account to bring the money to is frozen.",
    Refusal.EFFECTIVE_IN_FUTURE: "The effective date is in the future.",
    Refusal.EFFECTIVE_TOO_EARLY: "The effective date is before 1970.",
    Refusal.PERIOD_CLOSED: "The effective date is in a closed period.",
    Refusal.TOO_MANY_LATER_ENTRIES: "The account has too many entries after the effective date.",
    Refusal.INSUFFICIENT_FUNDS: "The balance of the account to take the money from is too low.",
    Refusal.CEILING_EXCEEDED: "The balance of the account to bring the money to would exceed its ceiling.",
    Refusal.BALANCE_OVERFLOW: "A balance would become larger than the ledger can hold.",
    Refusal.INSUFFICIENT_FUNDS_THEN: "The balance of the account to take the money from was too low then, or later.",
    Refusal.CEILING_EXCEEDED_THEN: "The account to bring the money to would exceed its ceiling then, or later.",
}
