"""Access tokens that are wrong in one way each, made from a good one and the key that signs the good ones."""

import base64
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def bad_tokens(good: str, signing_key_pem: str) -> dict[str, str]:
    """Return the bad tokens by name."""
    claims: dict[str, Any] = jwt.decode(good, options={"verify_signature": False})
    header = jwt.get_unverified_header(good)
    ours, another = signing_key_pem, Ed25519PrivateKey.generate()

    def signed(key: Any, /, *, by: dict[str, Any] | None = None, **changes: Any) -> str:
        return jwt.encode(claims | changes, key, algorithm="EdDSA", headers=header | (by or {}))

    assert jwt.decode(signed(ours), options={"verify_signature": False}) == claims
    head, body, signature = good.split(".")
    return {
        "expired": signed(ours, exp=int(time.time()) - 60),
        "tampered": ".".join((head, _promoted(body), signature)),
        "forged": signed(another, by={"kid": "another"}),
        "masked": signed(another),
        "unsigned": jwt.encode(claims, "", algorithm="none", headers={"typ": "at+jwt", "kid": header["kid"]}),
        "misdirected": signed(ours, aud="https://elsewhere.example"),
        "foreign": signed(ours, iss="https://elsewhere.example"),
        "untyped": signed(ours, by={"typ": "JWT"}),
        "deep": ".".join((_base64url(b"[" * 2000), body, signature)),
    }


def _promoted(body: str) -> str:
    """Return the claims with the customer made an operator."""
    claims = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    assert b'"customer"' in claims
    return _base64url(claims.replace(b'"customer"', b'"operator"'))


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
