from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from apps.identity.domain.access_tokens import Grant, Issuer
from apps.identity.domain.scopes import scopes_of
from apps.identity.domain.signing_keys import KeyPair
from contracts.identity import AccessToken, Acr, Role, Scope
from contracts.ids import new_id

NOW = datetime.now(UTC)
JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


def _grant(role: Role = Role.CUSTOMER) -> Grant:
    return Grant(
        id=new_id(),
        subject=new_id(),
        role=role,
        client_id="tests",
        scopes=scopes_of(role),
        version=3,
        acr=Acr.TWO_FACTORS,
        methods=("pwd", "otp", "mfa"),
        authenticated_at=NOW - timedelta(minutes=1),
    )


def _claims(issuer: Issuer, key: KeyPair, token: AccessToken) -> dict[str, Any]:
    public = jwt.PyJWK(key.public_jwk)
    claims: dict[str, Any] = jwt.decode(
        token.access_token,
        public,
        algorithms=["EdDSA"],
        audience=issuer.audience,
        issuer=issuer.issuer,
        options={"verify_exp": False},  # by now it may have ended: what it says is looked at
    )
    return claims


def test_the_token_has_every_claim_of_rfc_9068(issuer: Issuer, key_pair: KeyPair) -> None:
    grant = _grant()
    token = issuer.issue(grant, NOW)
    header = jwt.get_unverified_header(token.access_token)
    assert header == {"alg": "EdDSA", "typ": "at+jwt", "kid": key_pair.id}
    claims = _claims(issuer, key_pair, token)
    assert claims.pop("jti")
    assert claims == {
        "iss": issuer.issuer,
        "aud": issuer.audience,
        "sub": str(grant.subject),
        "client_id": "tests",
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 900,
        "scope": "profile wallets payments",
        "role": "customer",
        "sid": str(grant.id),
        "ver": 3,
        "acr": "aal2",
        "amr": ["pwd", "otp", "mfa"],
        "auth_time": int((NOW - timedelta(minutes=1)).timestamp()),
    }
    assert (token.token_type, token.expires_in, token.scope) == ("Bearer", 900, "profile wallets payments")


def test_a_clients_own_token_tells_of_no_user(issuer: Issuer, key_pair: KeyPair) -> None:
    client = new_id()
    token = issuer.issue(Grant(client, client, Role.SERVICE, str(client), (Scope.PAYMENTS,)), NOW)
    claims = _claims(issuer, key_pair, token)
    assert (claims["sub"], claims["sid"], claims["role"]) == (str(client), str(client), "service")
    assert not claims.keys() & {"ver", "acr", "amr", "auth_time", "cnf"}


def test_a_token_can_be_bound_to_a_key(issuer: Issuer, key_pair: KeyPair) -> None:
    token = issuer.issue(replace(_grant(), jkt=JKT), NOW)
    assert token.token_type == "DPoP"
    assert _claims(issuer, key_pair, token)["cnf"] == {"jkt": JKT}


def test_two_tokens_never_share_an_id(issuer: Issuer) -> None:
    grant = _grant()
    assert issuer.issue(grant, NOW).access_token != issuer.issue(grant, NOW).access_token


@pytest.mark.parametrize("role", Role)
def test_every_role_has_scopes(issuer: Issuer, role: Role) -> None:
    assert issuer.issue(_grant(role), NOW).scope.split() == [scope.value for scope in scopes_of(role)]
