"""Signatures, verified by the published library and from the published keys."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from apps.payments.domain.signing import SecretBox, SigningKeys, UnreadableSecretError, new_secret, signed_headers
from contracts.ids import new_id

SEED = base64.b64encode(bytes(range(32))).decode()
OTHER_SEED = base64.b64encode(bytes(range(1, 33))).decode()
BODY = '{"type":"payment_intent.succeeded","data":{"note":"Zoë"}}'.encode()


def from_jwk(jwk: dict[str, Any]) -> Ed25519PublicKey:
    assert (jwk["kty"], jwk["crv"]) == ("OKP", "Ed25519")
    return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(jwk["x"] + "="))


def verify_v1a(headers: dict[str, str], body: bytes, jwk: dict[str, Any]) -> None:
    """Verify as a receiver does: one of the v1a signatures is by this key."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    for signature in headers["webhook-signature"].split(" "):
        version, _, value = signature.partition(",")
        if version == "v1a":
            try:
                from_jwk(jwk).verify(base64.b64decode(value), signed)
            except InvalidSignature:
                continue
            return
    raise InvalidSignature


def test_the_published_library_verifies_ours_with_the_current_and_the_old_secret() -> None:
    secrets = [new_secret(), new_secret()]
    headers = signed_headers(new_id(), datetime.now(UTC), BODY, secrets, SigningKeys(SEED))
    for secret in secrets:
        Webhook(secret).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secrets[0]).verify(BODY + b" ", headers)


def test_the_library_refuses_an_old_timestamp() -> None:
    secret = new_secret()
    headers = signed_headers(new_id(), datetime.now(UTC) - timedelta(minutes=6), BODY, [secret], SigningKeys(SEED))
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, headers)


def test_published_keys_verify_v1a_also_while_one_follows_another() -> None:
    keys = SigningKeys(f"{SEED}, {OTHER_SEED}")
    headers = signed_headers(new_id(), datetime.now(UTC), BODY, [new_secret()], keys)
    assert len(keys.jwks) == 2
    for jwk in keys.jwks:
        verify_v1a(headers, BODY, jwk)
        with pytest.raises(InvalidSignature):
            verify_v1a(headers, BODY + b" ", jwk)
    assert len({jwk["kid"] for jwk in keys.jwks}) == 2


def test_a_signature_is_the_one_that_others_compute() -> None:
    """The specification's own example of the symmetric scheme, as the library's tests have it."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    at = datetime.fromtimestamp(1614265330, UTC)
    body = b'{"test": 2432232314}'
    expected = Webhook(secret).sign(msg_id=str(identifier := new_id()), timestamp=at, data=body.decode())
    headers = signed_headers(identifier, at, body, [secret], SigningKeys(SEED))
    assert headers["webhook-signature"].split(" ")[0] == expected


def test_secrets_are_random_and_of_the_allowed_length() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    for secret in made:
        assert secret.startswith("whsec_")
        assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) <= 64


def test_a_sealed_secret_opens_under_a_later_key_list_only_while_its_key_is_in_it() -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    secret = new_secret()
    sealed = SecretBox(old).seal(secret)
    assert secret.encode() not in sealed
    assert SecretBox(f"{new}, {old}").open(sealed) == secret
    with pytest.raises(UnreadableSecretError):
        SecretBox(new).open(sealed)


@pytest.mark.parametrize("seeds", ["", "AAAA", "not base64!", SEED + ",", base64.b64encode(bytes(33)).decode()])
def test_what_is_no_signing_key_is_refused_without_being_told(seeds: str) -> None:
    with pytest.raises(ValueError, match="signing key") as refused:
        SigningKeys(seeds)
    assert not seeds or seeds not in str(refused.value)
