"""Passkeys: registering, logging in, and everything that an answer can get wrong."""

import asyncio
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from webauthn.helpers import bytes_to_base64url

from apps.identity.domain.passkeys import Challenges, PasskeyNotValidError, RelyingParty
from apps.identity.domain.secret_tokens import Derivation
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.passkey_login import login_with_passkey
from apps.identity.handlers.passkeys import add_passkey, challenge_passkey, remove_passkey, start_passkey
from apps.identity.handlers.register import register
from apps.identity.queries.passkeys import list_passkeys
from apps.identity.store import passkeys as store
from apps.identity.store.second_factors import forget, kinds_of
from apps.identity.tests.asking import asking, register_request
from apps.identity.tests.conftest import TOKEN_KEY
from contracts.identity import (
    MOST_PASSKEYS,
    AccessToken,
    AddPasskey,
    ChallengePasskey,
    ListPasskeys,
    LoginWithPasskey,
    Origin,
    Passkey,
    PasskeyChallenge,
    RemovePasskey,
    StartPasskey,
)
from contracts.ids import first_id_of, new_id
from outbox.database import Database
from outbox.responder import Refused
from tests.software_authenticator import PRESENT, SoftwareAuthenticator, es256

RP_ID, ORIGIN = "ledgerlink.example", "https://ledgerlink.example"
HERE = Origin(address="192.0.2.7", user_agent="tests")


def _authenticator(**changes: Any) -> SoftwareAuthenticator:
    return SoftwareAuthenticator(**({"origin": ORIGIN, "rp_id": RP_ID} | changes))


@pytest.fixture
async def ann(parts: Parts, database: Database) -> UUID:
    return (await register(parts, database, register_request())).id


@pytest.fixture
async def bob(parts: Parts, database: Database) -> UUID:
    return (await register(parts, database, register_request("bob@ledgerlink.example"))).id


async def _add(parts: Parts, database: Database, user: UUID, device: SoftwareAuthenticator) -> Passkey:
    begun = await start_passkey(parts, database, asking(StartPasskey(user=user)))
    return await _finish(parts, database, user, begun, device.create(begun.options))


async def _finish(
    parts: Parts, database: Database, user: UUID, begun: PasskeyChallenge, credential: dict[str, Any]
) -> Passkey:
    message = AddPasskey(
        user=user, challenge_id=begun.challenge_id, credential=credential, name="Ann's phone", origin=HERE
    )
    return await add_passkey(parts, database, asking(message))


async def _challenge(parts: Parts, database: Database) -> PasskeyChallenge:
    return await challenge_passkey(parts, database, asking(ChallengePasskey()))


async def _log_in(
    parts: Parts, database: Database, challenge: PasskeyChallenge, credential: dict[str, Any]
) -> AccessToken:
    message = LoginWithPasskey(challenge_id=challenge.challenge_id, credential=credential, origin=HERE)
    return await login_with_passkey(parts, database, asking(message))


async def _kinds(database: Database) -> list[str]:
    return [row["kind"] for row in await database.pool.fetch("SELECT kind FROM security_event ORDER BY id")]


@pytest.mark.parametrize("key", [es256(), Ed25519PrivateKey.generate()], ids=["ES256", "EdDSA"])
async def test_a_passkey_is_registered_and_logs_in_with_two_factors(
    parts: Parts, database: Database, ann: UUID, key: Any
) -> None:
    device = _authenticator(key=key)
    passkey = await _add(parts, database, ann, device)
    challenge = await _challenge(parts, database)
    token = await _log_in(parts, database, challenge, device.get(challenge.options))
    claims = jwt.decode(token.access_token, options={"verify_signature": False})
    assert (claims["sub"], claims["acr"], claims["amr"]) == (str(ann), "aal2", ["hwk", "mfa"])
    listed = (await list_passkeys(database, asking(ListPasskeys(user=ann)))).passkeys
    assert [(shown.id, shown.name) for shown in listed] == [(passkey.id, "Ann's phone")]
    assert listed[0].last_used_at is not None
    assert await _kinds(database) == ["registered", "passkey_added", "logged_in"]
    async with database.reads() as reads:
        assert (await kinds_of(reads, [ann]))[ann] == ["passkey"]


async def test_the_options_ask_for_verification_and_name_nobody(parts: Parts, database: Database, ann: UUID) -> None:
    device = _authenticator()
    await _add(parts, database, ann, device)
    begun = await start_passkey(parts, database, asking(StartPasskey(user=ann)))
    assert begun.options["authenticatorSelection"]["userVerification"] == "required"
    assert begun.options["authenticatorSelection"]["residentKey"] == "required"
    assert [known["id"] for known in begun.options["excludeCredentials"]] == [device.create(begun.options)["id"]]
    login = (await _challenge(parts, database)).options
    assert (login["userVerification"], login["allowCredentials"], login["rpId"]) == ("required", [], RP_ID)


def _wrong_origin(device: SoftwareAuthenticator) -> None:
    device.origin = "https://ledgerlink.example.evil.example"


def _wrong_rp(device: SoftwareAuthenticator) -> None:
    device.rp_id = "evil.example"


def _nobody_verified(device: SoftwareAuthenticator) -> None:
    device.flags = PRESENT


def _embedded(device: SoftwareAuthenticator) -> None:
    device.cross_origin = True


def _another_key(device: SoftwareAuthenticator) -> None:
    device.key = es256()


def _another_user(device: SoftwareAuthenticator) -> None:
    device.user_handle = "AAAAAAAAAAAAAAAAAAAAAA"


def _no_user(device: SoftwareAuthenticator) -> None:
    device.user_handle = None


def _cloned(device: SoftwareAuthenticator) -> None:
    device.sign_count -= 1


def _unknown(device: SoftwareAuthenticator) -> None:
    device.credential_id = b"unknown"


LIES = [_wrong_origin, _wrong_rp, _nobody_verified, _embedded]
LOGIN_LIES = [*LIES, _another_key, _another_user, _no_user, _cloned, _unknown]


@pytest.mark.parametrize("lie", LOGIN_LIES)
async def test_a_login_that_lies_is_refused_and_an_honest_one_still_works(
    parts: Parts, database: Database, ann: UUID, lie: Any
) -> None:
    device = _authenticator(sign_count=4)
    await _add(parts, database, ann, device)
    liar = replace(device)
    lie(liar)
    challenge = await _challenge(parts, database)
    with pytest.raises(Refused, match="invalid_credentials"):
        await _log_in(parts, database, challenge, liar.get(challenge.options))
    assert (await _log_in(parts, database, challenge, device.get(challenge.options))).session_id


@pytest.mark.parametrize("lie", LIES)
async def test_a_registration_that_lies_is_refused(parts: Parts, database: Database, ann: UUID, lie: Any) -> None:
    device = _authenticator()
    lie(device)
    with pytest.raises(Refused, match="passkey_not_valid"):
        await _add(parts, database, ann, device)
    assert await database.pool.fetchval("SELECT count(*) FROM passkey") == 0


async def test_an_answer_logs_in_once(parts: Parts, database: Database, ann: UUID) -> None:
    device = _authenticator()
    await _add(parts, database, ann, device)
    challenge = await _challenge(parts, database)
    answer = device.get(challenge.options)
    outcomes = await asyncio.gather(
        *(_log_in(parts, database, challenge, answer) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(outcome, AccessToken) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 3


async def test_a_device_without_a_counter_cannot_be_replayed_either(
    parts: Parts, database: Database, ann: UUID
) -> None:
    device = _authenticator()
    await _add(parts, database, ann, device)
    challenge = await _challenge(parts, database)
    device.sign_count = -1
    answer = device.get(challenge.options)
    assert (await _log_in(parts, database, challenge, answer)).session_id
    with pytest.raises(Refused, match="invalid_credentials"):
        await _log_in(parts, database, challenge, answer)


async def test_a_challenge_is_one_persons_and_for_one_purpose(
    parts: Parts, database: Database, ann: UUID, bob: UUID
) -> None:
    begun = await start_passkey(parts, database, asking(StartPasskey(user=ann)))
    with pytest.raises(Refused, match="passkey_not_valid"):
        await _finish(parts, database, bob, begun, _authenticator().create(begun.options))
    device = _authenticator()
    await _add(parts, database, ann, device)
    with pytest.raises(Refused, match="invalid_credentials"):
        await _log_in(parts, database, begun, device.get(begun.options))
    other = await _challenge(parts, database)
    mixed = await _challenge(parts, database)
    with pytest.raises(Refused, match="invalid_credentials"):
        await _log_in(parts, database, mixed, device.get(other.options))


async def test_a_registration_is_taken_once_and_a_passkey_belongs_to_one_user(
    parts: Parts, database: Database, ann: UUID, bob: UUID
) -> None:
    device = _authenticator()
    begun = await start_passkey(parts, database, asking(StartPasskey(user=ann)))
    answer = device.create(begun.options)
    await _finish(parts, database, ann, begun, answer)
    with pytest.raises(Refused, match="passkey_not_valid"):
        await _finish(parts, database, ann, begun, answer)
    with pytest.raises(Refused, match="passkey_not_valid"):
        await _add(parts, database, bob, device)


async def test_a_removed_passkey_logs_nobody_in(parts: Parts, database: Database, ann: UUID, bob: UUID) -> None:
    device = _authenticator()
    passkey = await _add(parts, database, ann, device)
    with pytest.raises(Refused, match="passkey_not_found"):
        await remove_passkey(parts, database, asking(RemovePasskey(user=bob, passkey=passkey.id, origin=HERE)))
    await remove_passkey(parts, database, asking(RemovePasskey(user=ann, passkey=passkey.id, origin=HERE)))
    challenge = await _challenge(parts, database)
    with pytest.raises(Refused, match="invalid_credentials"):
        await _log_in(parts, database, challenge, device.get(challenge.options))


async def test_a_user_has_a_bounded_number_of_passkeys(parts: Parts, database: Database, ann: UUID) -> None:
    begun = await start_passkey(parts, database, asking(StartPasskey(user=ann)))
    for _ in range(MOST_PASSKEYS):
        await _add(parts, database, ann, _authenticator())
    with pytest.raises(Refused, match="too_many_passkeys"):
        await _finish(parts, database, ann, begun, _authenticator().create(begun.options))
    with pytest.raises(Refused, match="too_many_passkeys"):
        await start_passkey(parts, database, asking(StartPasskey(user=ann)))


async def test_a_deactivated_user_cannot_log_in(parts: Parts, database: Database, ann: UUID) -> None:
    device = _authenticator()
    await _add(parts, database, ann, device)
    await database.pool.execute("UPDATE user_account SET status = 'deactivated'")
    challenge = await _challenge(parts, database)
    with pytest.raises(Refused, match="invalid_credentials"):
        await _log_in(parts, database, challenge, device.get(challenge.options))


CHALLENGES = Challenges(Derivation([TOKEN_KEY]), timedelta(minutes=5))
PARTY = RelyingParty(RP_ID, (ORIGIN,))
NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(("age", "holds"), [(-11, False), (0, True), (299, True), (300, False)])
def test_a_challenge_holds_for_five_minutes(age: int, holds: bool) -> None:
    identifier = first_id_of(NOW - timedelta(seconds=age))
    options = PARTY.login_options(CHALLENGES.challenge(identifier, None), timedelta(minutes=5))
    answer = _authenticator().get(options)
    if holds:
        assert CHALLENGES.answered(answer, identifier, None, NOW)
    else:
        with pytest.raises(PasskeyNotValidError, match="past its time"):
            CHALLENGES.answered(answer, identifier, None, NOW)


def test_a_challenge_holds_after_the_key_was_changed() -> None:
    identifier = new_id()
    answer = _authenticator().get(PARTY.login_options(CHALLENGES.challenge(identifier, None), timedelta(minutes=5)))
    newer = Challenges(Derivation(["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", TOKEN_KEY]), timedelta(minutes=5))
    assert newer.answered(answer, identifier, None, datetime.now(UTC))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    path=st.sampled_from(
        [
            "id",
            "rawId",
            "type",
            "clientDataJSON",
            "attestationObject",
            "signature",
            "authenticatorData",
            "userHandle",
            "response",
        ]
    ),
    value=JSON | st.binary(max_size=80),
)
def test_whatever_is_sent_is_refused_and_nothing_else_is_raised(path: str, value: Any) -> None:
    """A signature of anything but what was asked for is not there: so any change is refused, whatever it is."""
    identifier = new_id()
    challenge = CHALLENGES.challenge(identifier, None)
    if isinstance(value, bytes):
        value = value.hex()
    device = _authenticator()
    made = device.create({"user": {"id": "AZkPPl0QelKxxC9djnycAQ"}, "challenge": "AAAA"})
    got = device.get(PARTY.login_options(challenge, timedelta(minutes=5)))
    for credential in (made, got):
        broken = deepcopy(credential)
        place = broken if path in broken else broken["response"]
        place[path] = value
        with pytest.raises(PasskeyNotValidError):
            CHALLENGES.answered(broken, identifier, new_id(), datetime.now(UTC))
        with pytest.raises(PasskeyNotValidError):
            PARTY.registered(broken, challenge)


async def test_who_is_forgotten_has_no_passkey(parts: Parts, database: Database, ann: UUID, bob: UUID) -> None:
    await _add(parts, database, ann, _authenticator())
    await _add(parts, database, bob, _authenticator())
    async with parts.transactions.begin() as tx:
        await forget(tx, ann)
    assert await database.pool.fetchval("SELECT user_id FROM passkey") == bob


@pytest.mark.parametrize(
    "nested", [b"\x81" * 45_000, b"\xa1\x01" * 20_000, b"\x9f" * 45_000, b"\x9b\x7f" + b"\xff" * 7]
)
def test_an_attestation_that_is_nested_without_end_is_refused(nested: bytes) -> None:
    made = _authenticator().create({"user": {"id": "AZkPPl0QelKxxC9djnycAQ"}, "challenge": "AAAA"})
    made["response"]["attestationObject"] = bytes_to_base64url(nested)
    with pytest.raises(PasskeyNotValidError):
        PARTY.registered(made, bytes(3))


async def test_answered_challenges_are_forgotten(parts: Parts, database: Database, ann: UUID) -> None:
    await _add(parts, database, ann, _authenticator())
    async with parts.transactions.begin() as tx:
        await store.forget_answered(tx)
    assert await database.pool.fetchval("SELECT count(*) FROM answered_challenge") == 1
    await database.pool.execute("DELETE FROM answered_challenge")
    old = first_id_of(datetime.now(UTC) - timedelta(hours=1))
    async with parts.transactions.begin() as tx:
        await store.answer_once(tx, old, datetime.now(UTC) - timedelta(minutes=30))
        await store.forget_answered(tx)
    assert await database.pool.fetchval("SELECT count(*) FROM answered_challenge") == 0
