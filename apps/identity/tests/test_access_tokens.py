from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from apps.identity.domain.access_tokens import Issuer, SigningKey, thumbprint
from apps.identity.domain.account import Account
from contracts.identity import Role
from contracts.ids import new_id


def _account(role: Role = Role.CUSTOMER) -> Account:
    return Account(new_id(), "ann@ledgerlink.example", "$argon2id$", role, datetime.now(UTC))


def test_the_token_has_every_claim_of_rfc_9068(issuer: Issuer) -> None:
    account, now = _account(), datetime.now(UTC)
    token = issuer.issue(account, now)
    header = jwt.get_unverified_header(token.access_token)
    assert header == {"alg": "EdDSA", "typ": "at+jwt", "kid": issuer.key.id}
    claims = jwt.decode(
        token.access_token,
        jwt.PyJWK(issuer.key.public_jwk),
        algorithms=["EdDSA"],
        audience=issuer.audience,
        issuer=issuer.issuer,
    )
    assert claims.pop("jti")
    assert claims == {
        "iss": issuer.issuer,
        "aud": issuer.audience,
        "sub": str(account.id),
        "client_id": "tests",
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=15)).timestamp()),
        "scope": "wallets payments",
        "role": "customer",
    }
    assert (token.token_type, token.expires_in, token.scope) == ("Bearer", 900, "wallets payments")


def test_an_operator_may_fund_wallets(issuer: Issuer) -> None:
    assert issuer.issue(_account(Role.OPERATOR), datetime.now(UTC)).scope.split() == [
        "wallets",
        "payments",
        "wallets:fund",
    ]


def test_two_tokens_never_share_an_id(issuer: Issuer) -> None:
    account, now = _account(), datetime.now(UTC)
    assert issuer.issue(account, now).access_token != issuer.issue(account, now).access_token


def test_thumbprint_is_that_of_rfc_8037_appendix_a() -> None:
    key = {"crv": "Ed25519", "kty": "OKP", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert thumbprint(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_published_key_tells_nothing_private(issuer: Issuer) -> None:
    assert issuer.key.public_jwk.keys() == {"kty", "crv", "x", "kid", "alg", "use"}


def test_a_key_of_another_kind_is_refused_at_start() -> None:
    key = generate_private_key(SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(TypeError, match="Ed25519"):
        SigningKey(pem)
