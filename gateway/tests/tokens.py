"""Makes access tokens like identity's, good and bad."""

import base64
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from contracts.identity import GRANTED, TOKEN_AUDIENCE, TOKEN_ISSUER, Role
from contracts.ids import new_id

CUSTOMER_SCOPE = " ".join(GRANTED[Role.CUSTOMER])
OPERATOR_SCOPE = " ".join(GRANTED[Role.OPERATOR])


@dataclass
class Signer:
    """One signing key."""

    kid: str = "key-1"
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def jwk(self) -> dict[str, Any]:
        raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.kid, "use": "sig", "alg": "EdDSA"}

    def token(self, user: UUID, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """Sign the claims of a customer, changed; a change to None leaves the claim out."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": TOKEN_ISSUER,
            "aud": TOKEN_AUDIENCE,
            "sub": str(user),
            "client_id": "tests",
            "iat": now,
            "exp": now + 900,
            "jti": str(new_id()),
            "scope": CUSTOMER_SCOPE,
            "role": "customer",
            "sid": str(new_id()),
            "ver": 1,
            "acr": "aal1",
            "amr": ["pwd"],
            "auth_time": now,
        }
        claims = {k: v for k, v in (claims | changes).items() if v is not None}
        headers = {"typ": "at+jwt", "kid": self.kid} | (header or {})
        return jwt.encode(claims, self.key, algorithm="EdDSA", headers=headers)

    def bearer(self, user: UUID, **changes: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(user, **changes)}"}

    def operator(self) -> dict[str, str]:
        return self.bearer(new_id(), role="operator", scope=OPERATOR_SCOPE)
