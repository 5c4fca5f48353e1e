"""Proof: receipts of entries, the keys that sign seals, and what sealing and auditing find."""

from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Message, event, query
from contracts.proof import Hash, Receipt, SealKey, Signature

FINDINGS_LIMIT = 100
"""The most findings that one event names."""


class SealKeys(Message):
    """The keys that have signed seals, oldest first, as a JWK set (RFC 7517 §5)."""

    keys: list[SealKey]


class Finding(Message):
    """Something that does not add up: where (a row and its key) and which claim does not hold there."""

    place: str
    claim: str


@event("wallet", "ledger.sealed")
class LedgerSealed(Message):
    """Entries are sealed. Whoever keeps number and hash can later show that nothing before was changed."""

    number: int
    first_sequence: int
    last_sequence: int
    leaves: int
    root: Hash
    previous: Hash
    hash: Hash
    signature: Signature
    key_id: str
    sealed_at: AwareDatetime


@event("wallet", "ledger.audited")
class LedgerAudited(Message):
    """The audit that goes round in the service found something, or completed a round.

    `findings` are those that were not said before, at most `FINDINGS_LIMIT`; `open_findings` counts all that stand.
    """

    round: int
    started_at: AwareDatetime
    completed_at: AwareDatetime | None = None
    findings: Annotated[list[Finding], Field(max_length=FINDINGS_LIMIT, default_factory=list)]
    open_findings: int


@query("wallet", "get_receipt", senders=("gateway",), answer=Receipt)
class GetReceipt(Message):
    """Read the receipt of an account's side of a transfer.

    Refused with `transfer_not_found`, or `not_sealed_yet` until the next seal, a second or so.
    """

    transfer_id: UUID7
    account_id: UUID7


@query("wallet", "get_seal_keys", senders=("gateway",), answer=SealKeys)
class GetSealKeys(Message):
    """Read the public keys that have signed seals."""
