"""What the next seal covers, and how it is made and signed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from apps.wallet.domain.merkle import HASH_BYTES, inclusion_path, root_of, split_leaves
from contracts.proof import NO_SEAL, Receipt, Seal, SealedEntry, SealKey, Side, seal_hash

TRANSFERS = 2048
"""Transfers under one seal at the most."""
RECORDS = 4096
"""Records of one table under one seal at the most, unless a single transaction wrote more."""
LINGER = timedelta(seconds=1)
"""After a seal the next one waits this long, unless it would be full: an idle ledger is sealed at once."""


@dataclass(frozen=True)
class Standing:
    """How far the ledger is sealed: `number`, `last_sequence` ... of the newest seal, `head` of the ledger.

    Every transaction below `finished` has ended. `first` and `beyond` are transactions with records that no seal
    covers yet: the oldest, and the one with one record too many for a seal.
    """

    head: int
    finished: int
    number: int = 0
    last_sequence: int = 0
    records_until: int = 0
    hash: str = NO_SEAL
    sealed_at: datetime | None = None
    first: int | None = None
    beyond: int | None = None


@dataclass(frozen=True)
class Range:
    """What a seal covers: transfers `first` to `last`, and records of transactions `since` to before `until`."""

    first: int
    last: int
    since: int
    until: int


def next_range(standing: Standing, now: datetime) -> Range | None:
    """Return what to seal now; None when there is nothing, or not enough yet."""
    unsealed = standing.head - standing.last_sequence
    if not unsealed and standing.first is None:
        return None
    is_full = unsealed >= TRANSFERS or standing.beyond is not None
    if not is_full and standing.sealed_at is not None and now < standing.sealed_at + LINGER:
        return None
    return Range(
        first=standing.last_sequence + 1,
        last=min(standing.head, standing.last_sequence + TRANSFERS),
        since=standing.records_until,
        until=_until(standing),
    )


def _until(standing: Standing) -> int:
    if standing.beyond is None or standing.first is None:
        return max(standing.finished, standing.records_until)  # a restored database counts from lower ids
    return max(standing.beyond, standing.first + 1)


class Signer:
    """The private key that signs seals. Raises ValueError or TypeError when the PEM holds no Ed25519 key."""

    def __init__(self, pem: str) -> None:
        key = load_pem_private_key(pem.encode(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError("the seal key is not an Ed25519 private key in PEM")
        self._private = key
        self.key = SealKey.of(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def seal(self, standing: Standing, part: Range, leaves: bytes, now: datetime) -> Seal:
        """Return the seal that continues the chain over these leaf hashes. Takes some milliseconds."""
        unsigned = Seal.model_construct(
            number=standing.number + 1,
            first_sequence=part.first,
            last_sequence=part.last,
            records_from=part.since,
            records_until=part.until,
            leaves=len(leaves) // HASH_BYTES,
            root=root_of(split_leaves(leaves)).hex(),
            previous=standing.hash,
            sealed_at=max(now, standing.sealed_at or now),
            key_id=self.key.kid,
            hash=NO_SEAL,
            signature="",
        )
        digest = seal_hash(unsigned)
        signature = self._private.sign(bytes.fromhex(digest)).hex()
        return Seal.model_validate(dict(unsigned) | {"hash": digest, "signature": signature})


def receipt_of(entry: SealedEntry, seal: Seal, key: SealKey, leaves: bytes) -> Receipt:
    """Return the proof that an entry is under a seal; one that was changed since then does not fit its leaf."""
    index = 2 * (entry.sequence - seal.first_sequence) + (entry.side is Side.CREDIT)
    sealed = split_leaves(leaves)
    path = [node.hex() for node in inclusion_path(sealed, index)]
    return Receipt(entry=entry, leaf=sealed[index].hex(), index=index, path=path, seal=seal, key=key)
