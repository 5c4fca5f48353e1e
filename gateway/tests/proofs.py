"""Makes DPoP proofs like a client's, good and bad."""

import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

from contracts.ids import new_id
from gateway.dpop import thumbprint

BASE = "http://127.0.0.1"
_MAKERS: Mapping[str, Callable[[], Any]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
}


@dataclass
class ProofKey:
    """A client's key."""

    algorithm: str = "ES256"
    key: Any = field(default=None)

    def __post_init__(self) -> None:
        self.key = self.key or _MAKERS[self.algorithm]()

    @property
    def jwk(self) -> dict[str, Any]:
        algorithm: Any = get_default_algorithms()[self.algorithm]
        jwk: dict[str, Any] = algorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {name: value for name, value in jwk.items() if name in {"kty", "crv", "x", "y", "n", "e"}}

    @property
    def jkt(self) -> str:
        return thumbprint(self.jwk)

    def proof(
        self, path: str, method: str = "GET", token: str | None = None, by: dict[str, Any] | None = None, **changes: Any
    ) -> str:
        """Sign a proof, changed; a change to None leaves the claim out. `by` changes its header."""
        claims: dict[str, Any] = {"jti": str(new_id()), "htm": method, "htu": BASE + path, "iat": int(time.time())}
        claims |= {"ath": base64url(hashlib.sha256(token.encode()).digest())} if token else {}
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        headers = {"typ": "dpop+jwt", "jwk": self.jwk} | (by or {})
        return jwt.encode(claims, self.key, algorithm=self.algorithm, headers=headers)


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
