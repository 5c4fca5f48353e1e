"""DPoP (RFC 9449): a bound token is worth nothing without its key, and a proof works once, for one request."""

import math
import time
from collections.abc import AsyncIterator, Callable
from uuid import UUID

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import SecretStr

from contracts.identity import Login
from contracts.ids import new_id
from contracts.wallet import ListAccounts
from gateway.dpop import read, thumbprint
from gateway.problems import ProblemError
from gateway.settings import GatewaySettings
from gateway.tests.conftest import Gateway, running
from gateway.tests.proofs import BASE, ProofKey, base64url
from gateway.tests.scripted_services import ScriptedServices, completed
from gateway.used_proofs import UsedProofs
from ops.stack.ports import free_port

PATH = "/v1/wallets"


pytestmark = pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")  # of the short key


@pytest.fixture(autouse=True)
def _wallets(services: ScriptedServices) -> None:
    services.answers[ListAccounts] = lambda _: completed({"accounts": []})


@pytest.fixture(scope="module")
def key() -> ProofKey:
    return ProofKey()


@pytest.fixture
def token(services: ScriptedServices, user: UUID, key: ProofKey) -> str:
    """An access token that is bound to the key."""
    return services.signer.token(user, cnf={"jkt": key.jkt})


async def _get(gateway: Gateway, token: str, *proofs: str, scheme: str = "DPoP", path: str = PATH) -> httpx.Response:
    headers = [(b"Authorization", f"{scheme} {token}".encode()), *((b"DPoP", proof.encode()) for proof in proofs)]
    return await gateway.http.get(path, headers=headers)


def test_the_thumbprint_of_rfc_7638() -> None:
    """RFC 7638 §3.1."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
        "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
        "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
        "kEgU8awapJzKnqDKgw"
    )
    jwk = {"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}
    assert thumbprint(jwk) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_proof_of_rfc_9449() -> None:
    """RFC 9449 §4.1, and the thumbprint of its key of §6.1."""
    proof = read(
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0Rs"
        "cEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2"
        "In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2Vu"
        "IiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZ"
        "T3Lg"
    )
    assert proof.jkt == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    assert (proof.method, proof.url, proof.jti) == ("POST", "https://server.example.com/token", "-BwC3ESc6acc2lTc")


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256", "PS256"])
async def test_a_bound_token_with_its_proof_is_accepted(
    gateway: Gateway, services: ScriptedServices, user: UUID, algorithm: str
) -> None:
    key = ProofKey(algorithm)
    token = services.signer.token(user, cnf={"jkt": key.jkt})
    for _ in range(2):  # the second time the token is known already
        assert (await _get(gateway, token, key.proof(PATH, token=token))).status_code == 200


Make = Callable[[ProofKey, str], list[str]]
NOW = int(time.time())
SHORT_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it is to be refused
BAD: dict[str, Make] = {
    "none": lambda _k, _t: [],
    "two": lambda k, t: [k.proof(PATH, token=t), k.proof(PATH, token=t)],
    "of another key": lambda _k, t: [ProofKey().proof(PATH, token=t)],
    "that another key signed": lambda k, t: [ProofKey().proof(PATH, token=t, by={"jwk": k.jwk})],
    "for another method": lambda k, t: [k.proof(PATH, "POST", token=t)],
    "for another path": lambda k, t: [k.proof("/v1/transfers", token=t)],
    "for another host": lambda k, t: [k.proof(PATH, token=t, htu="http://elsewhere.example" + PATH)],
    "for another port": lambda k, t: [k.proof(PATH, token=t, htu="http://127.0.0.1:8443" + PATH)],
    "for another scheme": lambda k, t: [k.proof(PATH, token=t, htu="https://127.0.0.1" + PATH)],
    "for what is no url": lambda k, t: [k.proof(PATH, token=t, htu="http://[" + PATH)],
    "for another token": lambda k, _t: [k.proof(PATH, token="another")],
    "for no token": lambda k, _t: [k.proof(PATH)],
    "of long ago": lambda k, t: [k.proof(PATH, token=t, iat=NOW - 3600)],
    "of long to come": lambda k, t: [k.proof(PATH, token=t, iat=NOW + 3600)],
    "of no time": lambda k, t: [k.proof(PATH, token=t, iat=None)],
    "of what is no time": lambda k, t: [k.proof(PATH, token=t, iat="now")],
    "without an id": lambda k, t: [k.proof(PATH, token=t, jti=None)],
    "with an empty id": lambda k, t: [k.proof(PATH, token=t, jti="")],
    "with far too long an id": lambda k, t: [k.proof(PATH, token=t, jti="a" * 300)],
    "with an id that no text has": lambda k, t: [k.proof(PATH, token=t, jti="\ud800")],
    "for a token that no text names": lambda k, _t: [k.proof(PATH, ath="\ud800")],
    "of a time beyond all numbers": lambda k, t: [k.proof(PATH, token=t, iat=10**400)],
    "with a number for a method": lambda k, t: [k.proof(PATH, token=t, htm=7)],
    "of another type": lambda k, t: [k.proof(PATH, token=t, by={"typ": "JWT"})],
    "without a key": lambda k, t: [k.proof(PATH, token=t, by={"jwk": None})],
    "with what is no key": lambda k, t: [k.proof(PATH, token=t, by={"jwk": [k.jwk]})],
    "with its private key": lambda k, t: [k.proof(PATH, token=t, by={"jwk": k.jwk | {"d": "c2VjcmV0"}})],
    "that is not signed": lambda k, _t: [
        jwt.encode({"jti": "1"}, "", algorithm="none", headers={"typ": "dpop+jwt", "jwk": k.jwk})
    ],
    "signed with a secret": lambda k, _t: [
        jwt.encode({"jti": "1"}, "s" * 32, algorithm="HS256", headers={"typ": "dpop+jwt", "jwk": k.jwk})
    ],
    "on another curve": lambda _k, _t: [
        jwt.encode(
            {"jti": "1", "htm": "GET", "htu": BASE + PATH, "iat": NOW},
            ec.generate_private_key(ec.SECP384R1()),
            algorithm="ES384",
            headers={"typ": "dpop+jwt", "jwk": {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"}},
        )
    ],
    "of a short key": lambda _k, t: [ProofKey("RS256", SHORT_KEY).proof(PATH, token=t)],
    "with what nobody understands": lambda k, t: [k.proof(PATH, token=t, by={"crit": ["exp"], "exp": 1})],
    "in three words": lambda _k, _t: ["a.b.c"],
    "with letters from elsewhere": lambda _k, _t: ["ä.ö.ü"],
    "far too long": lambda _k, _t: ["a" * 8000],
    "deep": lambda _k, _t: [f"{base64url(b'[' * 2000)}.e30.e30"],
}


async def test_bad_proofs(gateway: Gateway, key: ProofKey, token: str) -> None:
    for what, make in BAD.items():
        answer = await _get(gateway, token, *make(key, token))
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_dpop_proof"), f"a proof {what}"
        challenge = answer.headers["WWW-Authenticate"]
        assert challenge.startswith("DPoP "), what
        assert 'error="invalid_dpop_proof"' in challenge
        assert 'algs="ES256 EdDSA PS256 RS256"' in challenge


def test_a_key_that_takes_long_to_check_is_refused() -> None:
    """Who has no token yet chooses the key, and its exponent tells what checking costs."""
    usual = rsa.generate_private_key(65537, 2048).private_numbers()
    order = math.lcm(usual.p - 1, usual.q - 1)
    exponent = next(e for e in range(2**2046 + 1, 2**2047, 2) if math.gcd(e, order) == 1)
    d = pow(exponent, -1, order)
    slow = rsa.RSAPrivateNumbers(
        p=usual.p,
        q=usual.q,
        d=d,
        dmp1=d % (usual.p - 1),
        dmq1=d % (usual.q - 1),
        iqmp=usual.iqmp,
        public_numbers=rsa.RSAPublicNumbers(exponent, usual.public_numbers.n),
    )
    assert read(ProofKey("RS256", usual.private_key()).proof(PATH)).method == "GET"
    with pytest.raises(ProblemError):
        read(ProofKey("RS256", slow.private_key()).proof(PATH))


async def test_urls_are_compared_by_what_they_mean(gateway: Gateway, key: ProofKey, token: str) -> None:
    """Without query and fragment, and normalised (RFC 9449 §4.3)."""
    same = ("http://127.0.0.1:80/v1/wallets", "HTTP://127.0.0.1/v1/w%61llets", "http://127.0.0.1/v1/wallets#top")
    for htu in same:
        assert (await _get(gateway, token, key.proof(PATH, token=token, htu=htu))).status_code == 200, htu
    asked = await _get(gateway, token, key.proof(PATH, token=token), path=f"{PATH}?nothing=1")
    assert asked.json().get("code") != "invalid_dpop_proof"


async def test_a_bound_token_is_no_bearer_token(gateway: Gateway, key: ProofKey, token: str) -> None:
    """Also not once it is known with its proof (RFC 9449 §7.2)."""
    assert (await _get(gateway, token, key.proof(PATH, token=token))).status_code == 200
    for proofs in ([], [key.proof(PATH, token=token)]):
        answer = await _get(gateway, token, *proofs, scheme="Bearer")
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
        assert answer.headers["WWW-Authenticate"].startswith("DPoP ")


async def test_a_token_that_is_bound_to_nothing_is_none_of_dpop(
    gateway: Gateway, services: ScriptedServices, user: UUID, key: ProofKey
) -> None:
    token = services.signer.token(user)
    answer = await _get(gateway, token, key.proof(PATH, token=token))
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


async def test_a_lacking_scope_is_told_in_the_scheme_of_the_token(
    gateway: Gateway, services: ScriptedServices, user: UUID, key: ProofKey
) -> None:
    token = services.signer.token(user, cnf={"jkt": key.jkt}, scope="profile")
    answer = await _get(gateway, token, key.proof(PATH, token=token))
    assert (answer.status_code, answer.headers["WWW-Authenticate"].partition(" ")[0]) == (403, "DPoP")


@pytest.fixture
async def another_gateway(settings: Callable[..., GatewaySettings]) -> AsyncIterator[Gateway]:
    async with running(settings()) as gateway:
        yield gateway


async def test_a_proof_is_used_once(gateway: Gateway, another_gateway: Gateway, key: ProofKey, token: str) -> None:
    proof = key.proof(PATH, token=token)
    assert (await _get(gateway, token, proof)).status_code == 200
    for where in (gateway, another_gateway):
        answer = await _get(where, token, proof)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_dpop_proof")
        assert "used already" in answer.json()["detail"]


async def test_an_id_is_of_one_key(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    """Or somebody could use up the ids of another."""
    for _ in range(2):
        key = ProofKey()
        token = services.signer.token(user, cnf={"jkt": key.jkt})
        assert (await _get(gateway, token, key.proof(PATH, token=token, jti="the-same"))).status_code == 200


async def test_without_redis_a_gateway_knows_its_own_proofs(
    settings: Callable[..., GatewaySettings],
    key: ProofKey,
    token: str,
) -> None:
    nowhere = SecretStr(f"redis://127.0.0.1:{free_port()}")
    async with running(settings(redis_url=nowhere)) as gateway:
        proof = key.proof(PATH, token=token)
        assert (await _get(gateway, token, proof)).status_code == 200
        assert (await _get(gateway, token, proof)).status_code == 401
        assert (await _get(gateway, token, key.proof(PATH, token=token))).status_code == 200


async def test_what_is_remembered_here_is_bounded() -> None:
    used = UsedProofs(f"redis://127.0.0.1:{free_port()}", most=3)
    assert [await used.is_new(str(number)) for number in range(10)] == [True] * 10
    assert len(used._here) <= 4
    assert not await used.is_new("9")
    await used.close()


async def test_a_proof_is_forgotten_when_nobody_would_believe_it(monkeypatch: pytest.MonkeyPatch) -> None:
    used = UsedProofs(f"redis://127.0.0.1:{free_port()}")
    assert await used.is_new("one")
    later = time.monotonic() + 200
    monkeypatch.setattr("gateway.used_proofs.time.monotonic", lambda: later)
    await used.is_new("two")
    assert list(used._here.values()) == [later]
    await used.close()


def test_keys_of_other_kinds_have_no_thumbprint() -> None:
    with pytest.raises(KeyError):
        thumbprint({"kty": "oct", "k": "c2VjcmV0"})


def test_a_proof_of_nothing_is_refused() -> None:
    with pytest.raises(ProblemError):
        read("")


async def test_a_request_for_a_token_may_prove_a_key(
    gateway: Gateway, services: ScriptedServices, key: ProofKey
) -> None:
    answer = {"access_token": "a", "token_type": "DPoP", "expires_in": 900, "scope": "", "session_id": str(new_id())}
    services.answers[Login] = lambda _: completed(answer)
    body = {"email": "ann@ledgerlink.example", "password": "correct horse battery staple"}
    path = "/v1/sessions"
    for proofs in ([key.proof(path, "POST")], []):
        headers = [("DPoP", proof) for proof in proofs]
        assert (await gateway.http.post(path, json=body, headers=headers)).status_code == 201
    asked = [envelope.data for envelope in services.heard if isinstance(envelope.data, Login)]
    assert [query.jkt for query in asked] == [key.jkt, None]
    refused = await gateway.http.post(path, json=body, headers={"DPoP": key.proof(path, "GET")})
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_dpop_proof")
