"""Receipts: the proof that an entry is in the ledger and was never changed, which anyone can verify offline.

An entry is a leaf of a Merkle tree (RFC 6962 §2.1), the tree's root is in a seal, each seal names the hash of the seal
before it, and the wallet service signs that hash with Ed25519 (RFC 8032). `verify` needs this module, a receipt and the
keys that the reader trusts: no network, no clock, no account.

What is hashed is canonical JSON: every member is there, also those that are null, sorted by name, without blanks, in
UTF-8, with non-ASCII characters as they are; instants in UTC with six decimals and `Z`; hashes in lower-case hex.
"""

import base64
import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import AwareDatetime, Field, ValidationError

from contracts.message import Message

NO_SEAL = "0" * 64
"""What the first seal names as the seal before it."""
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256, lower-case hex")]
Signature = Annotated[str, Field(pattern="^[0-9a-f]{128}$", description="Ed25519 over the 32 bytes of the hash, hex")]
PATH_LIMIT = 64


class Side(StrEnum):
    """The side of a transfer: `debit` is what left an account, `credit` what reached one."""

    DEBIT = "debit"
    CREDIT = "credit"


class SealedEntry(Message):
    """One side of a transfer, as it was sealed. It holds the balance of its own account only.

    `amount` is positive minor units, `balance_after` the account's balance in the order of recording.
    """

    kind: Literal["entry"] = "entry"
    sequence: int
    side: Side
    transfer_id: UUID
    account_id: UUID
    counterparty: UUID
    amount: int
    currency: str
    balance_after: int
    effective_at: AwareDatetime
    posted_at: AwareDatetime
    reference: UUID | None = None
    journal_id: UUID | None = None
    hold_id: UUID | None = None
    reverses: UUID | None = None
    reversed_total: int | None = None
    metadata: dict[str, str] | None = None
    fingerprint: Annotated[str, Field(description="SHA-256 of the request that posted it, hex")]


class SealKey(Message):
    """A public key that signs seals, as a JWK (RFC 8037 §2); `kid` is its thumbprint (RFC 7638)."""

    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    x: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{43}$")]
    kid: str
    use: Literal["sig"] = "sig"
    first_used_at: AwareDatetime | None = None

    @classmethod
    def of(cls, public_key: bytes, first_used_at: datetime | None = None) -> "SealKey":
        """Return the JWK of a raw public key of 32 bytes."""
        x = _base64url(public_key)
        return cls(x=x, kid=_thumbprint(x), first_used_at=first_used_at)

    @property
    def public_key(self) -> bytes:
        """The raw key, 32 bytes."""
        return base64.urlsafe_b64decode(self.x + "=")


class Seal(Message):
    """A link of the chain: the Merkle root over the entries of a range of transfers, and over other records.

    The first `2 * (last_sequence - first_sequence + 1)` leaves are entries, the debit of a transfer before its credit;
    the others are records that only the ledger's keeper reads. `hash` is of all the fields above it.
    """

    kind: Literal["seal"] = "seal"
    number: Annotated[int, Field(gt=0)]
    first_sequence: int
    last_sequence: int
    records_from: int
    records_until: int
    leaves: Annotated[int, Field(gt=0)]
    root: Hash
    previous: Hash
    sealed_at: AwareDatetime
    key_id: str
    hash: Hash
    signature: Signature


class Receipt(Message):
    """An entry, and all that proves it: its place among the leaves, the path from it to the root, and the seal."""

    version: Literal[1] = 1
    entry: SealedEntry
    leaf: Hash
    index: Annotated[int, Field(ge=0)]
    path: Annotated[list[Hash], Field(max_length=PATH_LIMIT)]
    seal: Seal
    key: SealKey

    @classmethod
    def read(cls, content: bytes) -> "Receipt":
        """Read a receipt from JSON in UTF-8. Raises ValueError, with the place, for anything that is not one.

        Nothing is guessed or passed over: what people or other programs read in the file is what is proved.
        """
        try:
            receipt = cls.model_validate_json(content, strict=True, extra="forbid")
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            raise ValueError(f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}") from None
        document = read_members(content)
        if place := _differs(document, receipt.model_dump(mode="json", exclude_unset=True)):
            raise ValueError(f"{place}: not written as the ledger writes it")
        return receipt


class Fault(StrEnum):
    """What is wrong with a receipt, in the order in which it is asked."""

    CHANGED_ENTRY = "changed_entry"
    WRONG_PLACE = "wrong_place"
    WRONG_PATH = "wrong_path"
    CHANGED_SEAL = "changed_seal"
    WRONG_KEY = "wrong_key"
    WRONG_SIGNATURE = "wrong_signature"
    UNTRUSTED_KEY = "untrusted_key"


_SENTENCES = {
    Fault.CHANGED_ENTRY: "The entry is not the one that was sealed: something in it was changed.",
    Fault.WRONG_PLACE: "The entry cannot be where the receipt says it is in its seal.",
    Fault.WRONG_PATH: "The path does not lead from the entry to the root of the seal: this entry is not in that seal.",
    Fault.CHANGED_SEAL: "The seal is not the one that was signed: something in it was changed.",
    Fault.WRONG_KEY: "The key in the receipt is not the one that the seal names.",
    Fault.WRONG_SIGNATURE: "The signature of the seal is wrong: the key in the receipt did not sign it.",
    Fault.UNTRUSTED_KEY: "The seal is signed, but by a key that is not among those you trust.",
}


class InvalidReceiptError(ValueError):
    """A receipt proves nothing; `fault` says why, the text says it to people."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(_SENTENCES[fault])
        self.fault = fault


@dataclass(frozen=True)
class Verified:
    """What a valid receipt proves. Unless `key_is_trusted`, the signature was checked against its own key only."""

    entry: SealedEntry
    seal: Seal
    key_is_trusted: bool


def verify(receipt: Receipt, trusted_keys: Collection[SealKey] = ()) -> Verified:
    """Prove a receipt, offline. Raises InvalidReceiptError with the first fault found.

    Without `trusted_keys` the signature is only checked against the key that the receipt itself brings, which anyone
    could have made: pin the keys of `GET /v1/ledger/keys` once, over a channel that you trust.
    """
    seal = receipt.seal
    for holds, fault in (
        (leaf_hash(receipt.entry) == receipt.leaf, Fault.CHANGED_ENTRY),
        (receipt.index == _place_of(receipt.entry, seal), Fault.WRONG_PLACE),
        (_leads_to_root(receipt), Fault.WRONG_PATH),
        (seal_hash(seal) == seal.hash, Fault.CHANGED_SEAL),
        (receipt.key.kid == seal.key_id == _thumbprint(receipt.key.x), Fault.WRONG_KEY),
        (is_signed(seal, receipt.key), Fault.WRONG_SIGNATURE),
        (not trusted_keys or receipt.key.x in {key.x for key in trusted_keys}, Fault.UNTRUSTED_KEY),
    ):
        if not holds:
            raise InvalidReceiptError(fault)
    return Verified(receipt.entry, seal, key_is_trusted=bool(trusted_keys))


def leaf_hash(entry: SealedEntry) -> str:
    """Return the hash of an entry as a leaf (RFC 6962 §2.1: SHA-256 over 0x00 and the leaf)."""
    return hashlib.sha256(b"\x00" + _canonical(entry)).hexdigest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node (RFC 6962 §2.1: SHA-256 over 0x01 and both children)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def seal_hash(seal: Seal) -> str:
    """Return the hash that a seal's signature is over, and that the next seal names."""
    return hashlib.sha256(_canonical(seal, without=frozenset(("hash", "signature")))).hexdigest()


def root_of_path(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """Return the root that an inclusion path leads to (RFC 9162 §2.1.3.2); None when no tree of `size` has it."""
    if not 0 <= index < size:
        return None
    node, last, root = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            root = node_hash(sibling, root)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        node, last = node >> 1, last >> 1
    return root if last == 0 else None


def read_members(content: bytes) -> Any:
    """Return what JSON says. Raises ValueError where a member is given twice: RFC 8259 §4 leaves open which counts."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for name, value in pairs:
            if name in members:
                raise ValueError(f"the member {name[:64]!a} is given more than once")
            members[name] = value
        return members

    return json.loads(content, object_pairs_hook=once)


def _differs(document: Any, read: Any, place: str = "") -> str | None:
    """Return the first place where a document says otherwise than what was read from it, None when nowhere."""
    if isinstance(document, dict) and isinstance(read, dict):
        places = (_differs(document[name], read.get(name), f"{place}.{name}".lstrip(".")) for name in document)
        return next(filter(None, places), None)
    return None if type(document) is type(read) and document == read else place


def _leads_to_root(receipt: Receipt) -> bool:
    path = [bytes.fromhex(node) for node in receipt.path]
    root = root_of_path(bytes.fromhex(receipt.leaf), receipt.index, receipt.seal.leaves, path)
    return root is not None and root.hex() == receipt.seal.root


def _place_of(entry: SealedEntry, seal: Seal) -> int | None:
    """Return which leaf of the seal an entry must be; None when the seal does not cover it."""
    if not seal.first_sequence <= entry.sequence <= seal.last_sequence:
        return None
    return 2 * (entry.sequence - seal.first_sequence) + (entry.side is Side.CREDIT)


def is_signed(seal: Seal, key: SealKey) -> bool:
    """Tell whether a key signed the hash of a seal."""
    try:
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(
            bytes.fromhex(seal.signature), bytes.fromhex(seal.hash)
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def _canonical(message: Message, without: frozenset[str] = frozenset()) -> bytes:
    members = {name: _plain(value) for name, value in message if name not in without}
    return json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        case UUID():
            return str(value)
        case _:
            return value


def _thumbprint(x: str) -> str:
    """Return the SHA-256 thumbprint of an Ed25519 key (RFC 7638 §3, RFC 8037 appendix A.3)."""
    canonical = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": x}, separators=(",", ":")).encode()
    return _base64url(hashlib.sha256(canonical).digest())


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
