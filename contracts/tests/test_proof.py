"""Receipts: the golden one verifies for ever, and nothing in it can be changed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from contracts.proof import Fault, InvalidReceiptError, Receipt, SealKey, leaf_hash, root_of_path, seal_hash, verify

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "golden_receipt.json").read_text())
KEYS = [SealKey.model_validate(key) for key in json.loads((HERE / "golden_seal_keys.json").read_text())["keys"]]


def _receipt(**changes: Any) -> Receipt:
    """Return the golden receipt with members changed by path: `entry__amount`."""
    document = json.loads(json.dumps(GOLDEN))
    for path, value in changes.items():
        *parents, name = path.split("__")
        place = document
        for parent in parents:
            place = place[parent]
        place[name] = value
    return Receipt.model_validate(document)


def _fault(receipt: Receipt, *trusted: SealKey) -> Fault | None:
    try:
        verify(receipt, trusted)
    except InvalidReceiptError as error:
        return error.fault
    return None


def test_the_golden_receipt_is_valid() -> None:
    verified = verify(_receipt(), KEYS)
    assert verified.key_is_trusted
    assert verified.entry.metadata == {"order": "4711", "für": 'Grüße "\\\n\u2028😀'}
    assert not verify(_receipt()).key_is_trusted


def test_a_receipt_survives_its_own_json() -> None:
    again = Receipt.model_validate_json(_receipt().model_dump_json(exclude_none=True))
    assert again == _receipt()


ENTRY_CHANGES = {
    "entry__amount": 10001,
    "entry__currency": "USD",
    "entry__account_id": "01990f3e-6a00-7b11-8c22-3d33e44f5502",
    "entry__counterparty": "01990f3e-0001-7000-8000-000000000002",
    "entry__transfer_id": "01990f3e-7c30-7d44-9e55-5f66a77b8803",
    "entry__balance_after": 20001,
    "entry__sequence": 43,
    "entry__side": "debit",
    "entry__effective_at": "2026-01-02T09:31:30.123457Z",
    "entry__posted_at": "2026-01-05T09:31:30Z",
    "entry__reference": "01990f3e-7c30-7d44-9e55-5f66a77b8803",
    "entry__journal_id": "01990f3e-7c30-7d44-9e55-5f66a77b8803",
    "entry__hold_id": "01990f3e-7c30-7d44-9e55-5f66a77b8803",
    "entry__reverses": "01990f3e-7c30-7d44-9e55-5f66a77b8803",
    "entry__reversed_total": 1,
    "entry__metadata": {"order": "4712"},
    "entry__fingerprint": "00" * 32,
}


def test_every_member_of_an_entry_is_sealed() -> None:
    assert {path.removeprefix("entry__") for path in ENTRY_CHANGES} == set(_receipt().entry.model_fields_set) - {
        "kind"
    } | {"reference", "journal_id", "hold_id", "reverses", "reversed_total"}


@pytest.mark.parametrize("path", ENTRY_CHANGES)
def test_a_changed_entry(path: str) -> None:
    assert _fault(_receipt(**{path: ENTRY_CHANGES[path]})) is Fault.CHANGED_ENTRY


def test_a_forged_entry_with_its_own_leaf_is_not_in_the_seal() -> None:
    forged = _receipt(entry__amount=10**9)
    assert _fault(forged.model_copy(update={"leaf": leaf_hash(forged.entry)})) is Fault.WRONG_PATH


@pytest.mark.parametrize("index", [0, 1, 2, 4, 6, 7, 2**70])
def test_an_entry_has_one_place(index: int) -> None:
    assert _fault(_receipt(index=index)) is Fault.WRONG_PLACE


SEAL_CHANGES = {
    "seal__number": 8,
    "seal__records_from": 0,
    "seal__records_until": 861,
    "seal__previous": "00" * 32,
    "seal__sealed_at": "2026-01-05T09:31:30.373457Z",
    "seal__key_id": "x",
    "seal__hash": "00" * 32,
    "seal__last_sequence": 44,
}


@pytest.mark.parametrize("path", SEAL_CHANGES)
def test_a_changed_seal(path: str) -> None:
    assert _fault(_receipt(**{path: SEAL_CHANGES[path]})) is Fault.CHANGED_SEAL


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("seal__root", "00" * 32, Fault.WRONG_PATH),
        ("seal__leaves", 8, Fault.CHANGED_SEAL),  # the same path, of a leaf in another tree
        ("seal__leaves", 9, Fault.WRONG_PATH),
        ("seal__first_sequence", 40, Fault.WRONG_PLACE),
        ("seal__signature", "00" * 64, Fault.WRONG_SIGNATURE),
        ("path", [], Fault.WRONG_PATH),
        ("key__kid", "x", Fault.WRONG_KEY),
        ("key__x", "A" * 43, Fault.WRONG_KEY),
    ],
)
def test_what_else_can_be_wrong(path: str, value: Any, fault: Fault) -> None:
    assert _fault(_receipt(**{path: value})) is fault


def _flipped() -> Iterator[tuple[str, Receipt]]:
    """Yield the golden receipt with each bit of its hashes flipped, one at a time."""
    places = [("leaf",), ("seal", "root"), ("seal", "previous"), ("seal", "hash"), ("seal", "signature")]
    places += [("path", str(n)) for n in range(len(GOLDEN["path"]))]
    for *parents, name in places:
        document = json.loads(json.dumps(GOLDEN))
        holder: Any = document[parents[0]] if parents else document
        key: Any = int(name) if name.isdigit() else name
        original = holder[key]
        for bit in range(4 * len(original)):
            holder[key] = f"{int(original, 16) ^ (1 << bit):0{len(original)}x}"
            yield f"{parents} {name} {bit}", Receipt.model_validate(document)


def test_no_bit_of_any_hash_can_be_flipped() -> None:
    assert [what for what, receipt in _flipped() if _fault(receipt, *KEYS) is None] == []


def test_another_key_signs_as_well_but_is_not_trusted() -> None:
    key = Ed25519PrivateKey.generate()
    jwk = SealKey.of(key.public_key().public_bytes_raw())
    unsigned = _receipt().seal.model_copy(update={"key_id": jwk.kid})
    digest = seal_hash(unsigned)
    signature = key.sign(bytes.fromhex(digest)).hex()
    seal = unsigned.model_copy(update={"hash": digest, "signature": signature})
    forged = _receipt().model_copy(update={"seal": seal, "key": jwk})
    assert _fault(forged) is None
    assert not verify(forged).key_is_trusted
    assert _fault(forged, *KEYS) is Fault.UNTRUSTED_KEY
    assert _fault(forged, *KEYS, jwk) is None


def test_a_trusted_key_is_known_by_itself_and_not_by_its_name() -> None:
    liar = KEYS[0].model_copy(update={"x": "A" * 43})
    assert _fault(_receipt(), liar) is Fault.UNTRUSTED_KEY


@pytest.mark.parametrize("index", [-1, 1, 5])
def test_a_leaf_outside_the_tree_has_no_root(index: int) -> None:
    assert root_of_path(b"\0" * 32, index, 1, []) is None


@pytest.mark.parametrize("path", ["leaf", "seal__root", "seal__signature", "key__x"])
def test_what_is_no_receipt_is_not_read(path: str) -> None:
    with pytest.raises(ValidationError):
        _receipt(**{path: "zz"})


LOOSE = {
    "a number as text": ("entry.amount", "10000"),
    "a whole number with a fraction": ("entry.amount", 10000.0),
    "true for one": ("version", True),
    "one with a fraction": ("version", 1.0),
    "a place with a fraction": ("index", 3.0),
    "seconds since 1970": ("entry.posted_at", "1767605490.123456"),
    "digits that nothing proves": ("entry.posted_at", "2026-01-05T09:31:30.123456999Z"),
    "another spelling of an id": ("entry.transfer_id", "01990F3E7C307D449E555F66A77B8802"),
    "a member of the receipt": ("note", "paid twice"),
    "a member of the entry": ("entry.note", "paid twice"),
    "a member of the seal": ("seal.note", None),
    "a member of the key": ("key.alg", "EdDSA"),
}


@pytest.mark.parametrize("what", LOOSE)
def test_what_is_not_proved_is_not_read(what: str) -> None:
    path, value = LOOSE[what]
    *parents, name = path.split(".")
    document = json.loads(json.dumps(GOLDEN))
    place = document
    for parent in parents:
        place = place[parent]
    place[name] = value
    with pytest.raises(ValueError, match=rf"^{path}: "):
        Receipt.read(json.dumps(document).encode())


def test_a_member_that_is_given_twice_is_not_read() -> None:
    text = json.dumps(GOLDEN)
    assert verify(Receipt.read(text.encode()), KEYS).entry.amount == 10000
    for twice in ('"amount": 10000', '"amount": 777'):
        with pytest.raises(ValueError, match="'amount' is given more than once"):
            Receipt.read(text.replace('"amount": 10000', f'{twice}, "amount": 10000').encode())


def test_null_is_as_good_as_nothing() -> None:
    with_nulls = json.dumps(GOLDEN | {"entry": GOLDEN["entry"] | {"hold_id": None}})
    assert Receipt.read(with_nulls.encode()) == _receipt()


@pytest.mark.parametrize("content", [b"", b"[]", b"[" * 100_000, b"\xff", b'{"version": NaN}', b"\xef\xbb\xbf{}"])
def test_what_is_no_json_object_is_not_read(content: bytes) -> None:
    with pytest.raises(ValueError, match=": "):
        Receipt.read(content)
