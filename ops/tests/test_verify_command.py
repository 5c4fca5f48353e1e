"""`ledgerlink verify`: clear words and exit codes, on the golden receipt and on what was done to it."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from typer.testing import CliRunner, Result

from contracts.proof import SealKey
from ops.cli import app

CONTRACTS = Path(__file__).parents[2] / "contracts" / "tests"
RECEIPT, KEYS = CONTRACTS / "golden_receipt.json", CONTRACTS / "golden_seal_keys.json"
PEM = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _verify(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["verify", *map(str, arguments)])


def _changed(tmp_path: Path, *path: str, value: Any) -> Path:
    document = json.loads(RECEIPT.read_text())
    place = document
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    changed = tmp_path / "receipt.json"
    changed.write_text(json.dumps(document))
    return changed


@pytest.fixture
def key_files(tmp_path: Path) -> dict[str, Path]:
    """The golden key in every form in which it may be pinned."""
    (jwk,) = json.loads(KEYS.read_text())["keys"]
    alone, pem = tmp_path / "key.jwk", tmp_path / "key.pem"
    alone.write_text(json.dumps(jwk))
    key = Ed25519PublicKey.from_public_bytes(SealKey.model_validate(jwk).public_key)
    pem.write_bytes(key.public_bytes(*PEM))
    return {"jwk set": KEYS, "jwk": alone, "pem": pem}


@pytest.mark.parametrize("form", ["jwk set", "jwk", "pem"])
def test_a_valid_receipt_by_a_trusted_key(key_files: dict[str, Path], form: str) -> None:
    result = _verify(RECEIPT, "--key", key_files[form])
    assert result.exit_code == 0
    assert result.output.startswith("✓ Valid: 100.00 EUR was credited to account 01990f3e-6a00-7b11-8c22-3d33e44f5501")
    assert "a key that you trust" in result.output


def test_without_a_pinned_key_it_says_what_was_not_checked() -> None:
    result = _verify(RECEIPT)
    assert result.exit_code == 0
    assert "only checked against the key that the receipt itself brings" in result.output
    assert json.loads(_verify(RECEIPT, "--json").output)["key_is_trusted"] is False


@pytest.mark.parametrize(
    ("path", "value", "fault", "word"),
    [
        (("entry", "amount"), 1, "changed_entry", "something in it was changed"),
        (("index",), 0, "wrong_place", "cannot be where"),
        (("path", 1), "00" * 32, "wrong_path", "not in that seal"),
        (("seal", "sealed_at"), "2026-01-05T00:00:00Z", "changed_seal", "seal is not the one that was signed"),
        (("key", "kid"), "x", "wrong_key", "not the one that the seal names"),
        (("seal", "signature"), "00" * 64, "wrong_signature", "signature of the seal is wrong"),
    ],
)
def test_each_way_to_be_wrong_has_its_words(
    tmp_path: Path, path: tuple[Any, ...], value: Any, fault: str, word: str
) -> None:
    changed = _changed(tmp_path, *path, value=value)
    result = _verify(changed, "--key", KEYS)
    assert result.exit_code == 1
    assert result.output.startswith(f"✗ Not valid ({fault}).")
    assert word in result.output
    as_json = json.loads(_verify(changed, "--json").output)
    assert (as_json["valid"], as_json["fault"]) == (False, fault)


def test_somebody_elses_key_is_not_trusted(tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(Ed25519PrivateKey.generate().public_key().public_bytes(*PEM))
    result = _verify(RECEIPT, "--key", other)
    assert (result.exit_code, "untrusted_key" in result.output) == (1, True)
    assert _verify(RECEIPT, "--key", other, "--key", KEYS).exit_code == 0


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _private(tmp_path: Path) -> Path:
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return _written(tmp_path / "private.pem", key)


def _of_another_kind(tmp_path: Path) -> Path:
    return _written(tmp_path / "ec.pem", generate_private_key(SECP256R1()).public_key().public_bytes(*PEM))


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda t: t / "missing.json", "No such file"),
        (lambda t: _written(t / "k", b"{}"), "neither a JWK set"),
        (lambda t: _written(t / "k", b"\xff"), "neither a JWK set"),
        (lambda t: _written(t / "k", b'{"keys": [], "keys": []}'), "neither a JWK set"),
        (lambda t: _written(t / "k", b"[1]"), "neither a JWK set"),
        (lambda t: _written(t / "k", b'{"keys": []}'), "nothing has been sealed yet"),
        (_private, "a private key is never needed"),
        (_of_another_kind, "not an Ed25519 key"),
    ],
)
def test_a_file_that_is_no_key(tmp_path: Path, make: Any, word: str) -> None:
    result = _verify(RECEIPT, "--key", make(tmp_path))
    assert result.exit_code == 2
    assert word in result.output


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff\xfe", b'{"version": 2}'])
def test_a_file_that_is_no_receipt(tmp_path: Path, content: bytes) -> None:
    result = _verify(_written(tmp_path / "receipt.json", content))
    assert result.exit_code == 2
    assert "is not a receipt" in result.output
    assert _verify(tmp_path / "nowhere.json").exit_code == 2


def test_a_receipt_with_something_that_is_not_proved(tmp_path: Path) -> None:
    result = _verify(_changed(tmp_path, "note", value="paid twice"), "--key", KEYS)
    assert result.exit_code == 2
    assert "receipt.json is not a receipt: note: Extra inputs are not permitted" in result.output
