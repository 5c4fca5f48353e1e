"""Transfers: what is asked for, and the two ways it can end."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from apps.wallet.domain.refusal import Refusal


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """A wish to move `amount` minor units into a credit account.

    A user's request names the debit account and who authorised it, its owner. Funding names neither: the money comes
    from the currency's clearing account.
    """

    id: UUID
    debit_account: UUID | None
    credit_account: UUID
    amount: int
    currency: str
    authorised_by: UUID | None
    reference: UUID | None

    def fingerprint(self) -> bytes:
        """Return the SHA-256 of all that was asked for: the same id with another fingerprint is another transfer."""
        asked = (
            f"{self.debit_account}|{self.credit_account}|{self.amount}|{self.currency}"
            f"|{self.authorised_by}|{self.reference}"
        )
        return sha256(asked.encode()).digest()


@dataclass(frozen=True, slots=True)
class Posted:
    """A transfer in the ledger, at its place `sequence` in the dense, ledger-wide order."""

    id: UUID
    debit_account: UUID
    credit_account: UUID
    amount: int
    currency: str
    reference: UUID | None
    fingerprint: bytes
    sequence: int
    posted_at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """A transfer that changed nothing, and the first rule that it broke."""

    id: UUID
    reference: UUID | None
    fingerprint: bytes
    refusal: Refusal
    refused_at: datetime


Outcome = Posted | Refused
