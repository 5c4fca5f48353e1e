"""Why a transfer is refused: one name per rule, in the order in which the rules are asked."""

from enum import Enum


class Refusal(Enum):
    """A rule that a transfer broke; the first one that applies, from top to bottom, is the answer.

    The value is the public code. An account that is not the payer's is "not found", so that ids cannot be probed.
    """

    TRANSFER_ID_REUSED = "transfer_id_reused"
    SAME_ACCOUNT = "same_account"
    DEBIT_ACCOUNT_NOT_FOUND = "debit_account_not_found"
    CREDIT_ACCOUNT_NOT_FOUND = "credit_account_not_found"
    CURRENCY_MISMATCH = "currency_mismatch"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    BALANCE_OVERFLOW = "balance_overflow"

    @property
    def detail(self) -> str:
        """The sentence for people; it tells nothing about accounts that are not theirs."""
        return _DETAILS[self]


_DETAILS = {
    Refusal.TRANSFER_ID_REUSED: "Another transfer was asked for under this id; use a new id for a new transfer.",
    Refusal.SAME_ACCOUNT: "Debit and credit account are the same; a transfer needs two accounts.",
    Refusal.DEBIT_ACCOUNT_NOT_FOUND: "The account to take the money from does not exist, or is not the payer's.",
    Refusal.CREDIT_ACCOUNT_NOT_FOUND: "The account to bring the money to does not exist.",
    Refusal.CURRENCY_MISMATCH: "The transfer and its two accounts must have the same currency.",
    Refusal.INSUFFICIENT_FUNDS: "The balance of the account to take the money from is too low.",
    Refusal.BALANCE_OVERFLOW: "A balance would become larger than the ledger can hold.",
}
