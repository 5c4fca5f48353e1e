"""The seals of the ledger, and where its audit stands."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, SmallInteger, Text
from sqlmodel import Field

from apps.wallet.models.base import MOMENT, WalletTable


class SealKey(WalletTable, table=True):
    """A public key (Ed25519, raw) that signed seals; the first of them was made at `first_used_at`. Insert-only."""

    __tablename__ = "seal_key"
    __table_args__ = (CheckConstraint("octet_length(public_key) = 32", name="seal_key_length"),)

    key_id: str = Field(primary_key=True, sa_type=Text)
    public_key: bytes = Field(sa_type=LargeBinary)
    first_used_at: datetime = Field(sa_type=MOMENT)


class Seal(WalletTable, table=True):
    """A link of the chain of seals (contracts.proof.Seal); `leaves` are the leaf hashes under it. Insert-only."""

    __tablename__ = "seal"
    __table_args__ = (
        CheckConstraint("number > 0", name="seal_number"),
        CheckConstraint("last_sequence >= first_sequence - 1 AND records_until >= records_from", name="seal_range"),
        CheckConstraint(
            "octet_length(leaves) % 32 = 0 AND octet_length(leaves) >= 32 "
            "AND octet_length(leaves) >= 64 * (last_sequence - first_sequence + 1)",
            name="seal_leaves",
        ),
        CheckConstraint(
            "octet_length(root) = 32 AND octet_length(previous) = 32 AND octet_length(hash) = 32 "
            "AND octet_length(signature) = 64",
            name="seal_lengths",
        ),
        ForeignKeyConstraint(["key_id"], ["seal_key.key_id"], name="seal_signer"),
        Index("seal_last", "last_sequence", "number"),
    )

    number: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    first_sequence: int = Field(sa_type=BigInteger)
    last_sequence: int = Field(sa_type=BigInteger)
    records_from: int = Field(sa_type=BigInteger)
    records_until: int = Field(sa_type=BigInteger)
    leaves: bytes = Field(sa_type=LargeBinary)
    root: bytes = Field(sa_type=LargeBinary)
    previous: bytes = Field(sa_type=LargeBinary)
    sealed_at: datetime = Field(sa_type=MOMENT)
    key_id: str = Field(sa_type=Text)
    hash: bytes = Field(sa_type=LargeBinary)
    signature: bytes = Field(sa_type=LargeBinary)


class AuditRound(WalletTable, table=True):
    """Where the audit stands that goes round in the service, one row; `completed_at` is of the round before."""

    __tablename__ = "audit_round"
    __table_args__ = (CheckConstraint("id = 1", name="audit_round_is_one"),)

    id: int = Field(primary_key=True, sa_type=SmallInteger, sa_column_kwargs={"autoincrement": False})
    number: int = Field(sa_type=BigInteger)
    started_at: datetime = Field(sa_type=MOMENT)
    walk: str | None = Field(sa_type=Text)
    position: str | None = Field(sa_type=Text)
    completed_at: datetime | None = Field(sa_type=MOMENT)


class AuditFinding(WalletTable, table=True):
    """What does not add up, and the `round` that saw it last; deleted when a round does not see it any more."""

    __tablename__ = "audit_finding"

    place: str = Field(primary_key=True, sa_type=Text)
    claim: str = Field(primary_key=True, sa_type=Text)
    round: int = Field(sa_type=BigInteger)
    found_at: datetime = Field(sa_type=MOMENT)
