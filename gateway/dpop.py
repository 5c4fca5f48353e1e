"""Proofs of possession (RFC 9449): a client shows with each request that it has the key to which its token is bound."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.exceptions import PyJWTError

from gateway.challenges import ALGORITHMS, invalid_proof
from gateway.request_context import PresentedProofs
from gateway.used_proofs import UsedProofs

WINDOW_SECONDS = 60
"""A proof is believed so long before and after it says that it was made: clocks differ (RFC 9449 §11.1)."""
_MOST_LENGTH, _MOST_JTI = 4096, 256
_RSA_BITS = range(2048, 4097)
_MOST_EXPONENT_BITS = 32
"""The exponent is 65537 wherever nobody means harm; with both, what it costs to check a signature is bounded."""
_REQUIRED = ["jti", "htm", "htu", "iat"]
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_KEYS: Mapping[str, Mapping[str, str]] = {
    "ES256": {"kty": "EC", "crv": "P-256"},
    "EdDSA": {"kty": "OKP", "crv": "Ed25519"},
    "RS256": {"kty": "RSA"},
    "PS256": {"kty": "RSA"},
}
_THUMBED = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof whose signature is right; `jkt` is the thumbprint of the key that made it."""

    jkt: str
    jti: str
    method: str
    url: str
    made_at: float
    token_hash: str | None


class Proofs:
    """Tells which key a request proves to have; each proof does so once."""

    def __init__(self, used: UsedProofs) -> None:
        self._used = used

    async def check(self, presented: PresentedProofs | None, token: str | None = None, jkt: str | None = None) -> str:
        """Return the thumbprint of the proven key, which is to be `jkt` where that is given (RFC 9449 §4.3).

        With `token` the proof has to be for that access token. Raises ProblemError `invalid_dpop_proof`.
        """
        if presented is None or len(presented.headers) != 1:
            raise invalid_proof("Send exactly one `DPoP` header with a proof.")
        if presented.jkt is not None and token is None:
            return presented.jkt
        proof = read(presented.headers[0])
        _check_request(proof, presented, time.time())
        if token is not None and not _equal(proof.token_hash, _hash(token)):
            raise invalid_proof("Its `ath` is not the hash of the access token.")
        if jkt is not None and not _equal(proof.jkt, jkt):
            raise invalid_proof("It is not of the key to which the access token is bound.")
        if not await self._used.is_new(f"{proof.jkt}:{proof.jti}"):
            raise invalid_proof("It was used already; make a new one for each request.")
        presented.jkt = proof.jkt
        return proof.jkt

    async def close(self) -> None:
        """Close the connections."""
        await self._used.close()


def read(proof: str) -> Proof:
    """Check a proof's form and signature (RFC 9449 §4.2). Raises ProblemError `invalid_dpop_proof`."""
    if len(proof) > _MOST_LENGTH:
        raise invalid_proof(f"It may have at most {_MOST_LENGTH} characters.")
    try:
        header = jwt.get_unverified_header(proof)
        key = _key(header)
        options: Any = {"require": _REQUIRED, "verify_aud": False, "verify_iat": False}
        claims = jwt.decode(proof, key, algorithms=[header["alg"]], options=options)
        return _proof(claims, thumbprint(header["jwk"]))
    except (PyJWTError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise invalid_proof(
            "It has to be a JWT of type `dpop+jwt` with the claims `jti`, `htm`, `htu` and `iat`, signed by "
            f"{', '.join(ALGORITHMS)} with the public key in its header `jwk`."
        ) from error


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """Return the SHA-256 thumbprint of a public key (RFC 7638 §3). Raises KeyError."""
    required = {name: jwk[name] for name in _THUMBED[jwk["kty"]]}
    return _hash(json.dumps(required, sort_keys=True, separators=(",", ":")))


def _key(header: Mapping[str, Any]) -> jwt.PyJWK:
    """Return the key in a proof's header. Raises ValueError or KeyError unless it is a public one that fits."""
    jwk, algorithm = header["jwk"], header["alg"]
    if header["typ"] != "dpop+jwt" or not isinstance(jwk, dict) or _PRIVATE & jwk.keys():
        raise ValueError("not a proof")
    if any(jwk.get(name) != value for name, value in _KEYS[algorithm].items()):
        raise ValueError("not a key of this algorithm")
    key = jwt.PyJWK(jwk, algorithm)
    if isinstance(key.key, RSAPublicKey) and not _is_usual(key.key):
        raise ValueError("not a key of a usual size")
    return key


def _is_usual(key: RSAPublicKey) -> bool:
    return key.key_size in _RSA_BITS and key.public_numbers().e.bit_length() <= _MOST_EXPONENT_BITS


def _proof(claims: Mapping[str, Any], jkt: str) -> Proof:
    jti, method, url, token_hash = claims["jti"], claims["htm"], claims["htu"], claims.get("ath")
    texts = [text for text in (jti, method, url, token_hash) if text is not None]
    if not all(isinstance(text, str) for text in texts) or not 0 < len(jti) <= _MOST_JTI:
        raise ValueError("not the claims of a proof")
    for text in texts:
        text.encode()  # JSON can write half a character, which is no text: a ValueError
    return Proof(jkt, jti, method, url, float(claims["iat"]), token_hash)


def _check_request(proof: Proof, presented: PresentedProofs, now: float) -> None:
    if proof.method != presented.method:
        raise invalid_proof(f"Its `htm` has to be `{presented.method}`.")
    if _target(proof.url) != _target(presented.url):
        raise invalid_proof("Its `htu` has to be the URL of the request, without query and fragment.")
    if not abs(now - proof.made_at) <= WINDOW_SECONDS:  # also not when it is no number
        raise invalid_proof(f"It has to be made within {WINDOW_SECONDS} seconds of its `iat`.")


def _target(url: str) -> tuple[str, str, int | None, str] | None:
    """Return what of a URL counts, in one form (RFC 9449 §4.3, RFC 3986 §6.2); None when it is no URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    port = port if port is not None else _DEFAULT_PORTS.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port, unquote(parts.path) or "/"


def _equal(given: str | None, wanted: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode(), wanted.encode())


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
