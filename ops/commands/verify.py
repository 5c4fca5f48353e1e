"""`ledgerlink verify`: whether a receipt proves its entry, offline."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from contracts.proof import Receipt, SealKey, Verified

VALID, INVALID, UNREADABLE = 0, 1, 2
UNPINNED = (
    "Note: the signature was only checked against the key that the receipt itself brings, which anyone could have "
    "made. Pin the ledger's keys with --key."
)


def verify(
    receipt: Annotated[Path, typer.Argument(help="The answer of GET /v1/transfers/{id}/receipt.", dir_okay=False)],
    key: Annotated[
        list[Path] | None,
        typer.Option(
            "--key",
            help="Trusted keys: the answer of GET /v1/ledger/keys, one JWK, or a PEM public key. May be repeated.",
            dir_okay=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of sentences.")] = False,
) -> None:
    """Prove a receipt offline: that its entry is in the ledger, and is what it was when it was sealed.

    Checks the entry, its path to the root of its seal, the seal, its signature, and whose key it is.

    Exits with code 0 when the receipt is valid, 1 when it proves nothing, 2 when a file is not what it should be.

    [bold]Examples[/bold]

      $ ledgerlink verify receipt.json --key keys.json

      $ ledgerlink verify receipt.json --json | jq .fault
    """
    from contracts.proof import InvalidReceiptError
    from contracts.proof import verify as prove

    try:
        read, trusted = _receipt(receipt), [k for path in key or [] for k in _keys(path)]
    except (OSError, ValueError) as error:
        _say({"valid": None, "detail": str(error)}, f"Error: {error}", as_json=as_json, failed=True)
        raise typer.Exit(UNREADABLE) from None
    try:
        verified = prove(read, trusted)
    except InvalidReceiptError as error:
        fault = {"valid": False, "fault": error.fault.value, "detail": str(error)}
        _say(fault, f"✗ Not valid ({error.fault.value}). {error}", as_json=as_json)
        raise typer.Exit(INVALID) from None
    _say(_verdict(verified), _sentence(verified), as_json=as_json)


def _receipt(path: Path) -> "Receipt":
    from contracts.proof import Receipt

    content = path.read_bytes()
    try:
        return Receipt.read(content)
    except ValueError as error:
        raise ValueError(f"{path} is not a receipt: {error}") from None


def _keys(path: Path) -> list["SealKey"]:
    """Read a JWK set, a JWK, or a PEM public key."""
    from contracts.proof import SealKey, read_members

    content = path.read_bytes()
    if content.lstrip().startswith(b"-----BEGIN"):
        return [SealKey.of(_raw_public_key(content, path))]
    try:
        document = read_members(content)
        keys = [SealKey.model_validate(jwk) for jwk in document.get("keys", [document])]
    except (ValueError, TypeError, AttributeError):
        raise ValueError(f"{path} is neither a JWK set, a JWK nor a PEM public key of Ed25519") from None
    if not keys:
        raise ValueError(f"{path} holds no key: nothing has been sealed yet")
    return keys


def _raw_public_key(content: bytes, path: Path) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(content)
    except ValueError:
        raise ValueError(f"{path} is not a PEM public key; a private key is never needed here") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError(f"{path} is not an Ed25519 key")  # noqa: TRY004 - it is the file that is wrong
    return key.public_bytes_raw()


def _verdict(verified: "Verified") -> dict[str, Any]:
    return {
        "valid": True,
        "key_is_trusted": verified.key_is_trusted,
        "key_id": verified.seal.key_id,
        "seal": verified.seal.number,
        "seal_hash": verified.seal.hash,
        "sealed_at": verified.seal.sealed_at.isoformat(),
        "entry": verified.entry.model_dump(mode="json", exclude_none=True),
    }


def _sentence(verified: "Verified") -> str:
    from contracts.money import in_major_units, minor_unit_exponents

    entry, seal = verified.entry, verified.seal
    known = entry.currency in minor_unit_exponents()  # a receipt is valid for longer than some currencies
    amount = in_major_units(entry.amount, entry.currency) if known else f"{entry.amount} {entry.currency}"
    side = "debited from" if entry.side == "debit" else "credited to"
    what = f"✓ Valid: {amount} was {side} account {entry.account_id} by transfer {entry.transfer_id}"
    when = f"  on {entry.posted_at.isoformat()}, sequence {entry.sequence} of the ledger."
    sealed = f"  Sealed on {seal.sealed_at.isoformat()}, in seal {seal.number}."
    trusted = f"  Signed by {seal.key_id}, a key that you trust." if verified.key_is_trusted else UNPINNED
    return f"{what}\n{when}\n{sealed}\n{trusted}"


def _say(document: dict[str, Any], sentence: str, *, as_json: bool, failed: bool = False) -> None:
    import json

    typer.echo(json.dumps(document, indent=2) if as_json else sentence, err=failed and not as_json)
