"""What the gateway makes of OAuth requests: what identity is asked, and what is said when it does not answer."""

from collections.abc import AsyncIterator
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.identity import (
    AnswerConsent,
    CheckAuthorization,
    Introspect,
    IssueClientToken,
    RedeemCode,
    Refresh,
    RevokeToken,
    SignIn,
)
from contracts.message import Message
from gateway.oauth.errors import OAuthError
from gateway.oauth.forms import parameters
from gateway.oauth.redirects import form_target, sent_back
from gateway.tests.conftest import Gateway
from gateway.tests.proofs import ProofKey
from gateway.tests.scripted_services import ScriptedServices, completed, refused

CLIENT = {"client_id": "01990f3e-d000-7abb-8dcc-cfd0e1b25501", "client_secret": "lls_secret"}
CODE = {"grant_type": "authorization_code", "code": "llc_code", "code_verifier": "v" * 43}
ASKED = {
    "response_type": "code",
    "client_id": CLIENT["client_id"],
    "redirect_uri": "https://shop.example/callback",
    "state": "as it came",
}
TOKEN = {"access_token": "t", "token_type": "Bearer", "expires_in": 900, "scope": "wallets"}


def _asked(services: ScriptedServices, kind: type[Message]) -> Message:
    (envelope,) = services.commands(kind)
    data: Message = envelope.data
    return data


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        (CODE, RedeemCode),
        ({"grant_type": "refresh_token", "refresh_token": "llr_x", "scope": "wallets"}, Refresh),
        ({"grant_type": "client_credentials", "scope": "wallets"}, IssueClientToken),
    ],
)
async def test_each_grant_is_a_question_to_identity(
    gateway: Gateway, services: ScriptedServices, form: dict[str, str], kind: type[Message]
) -> None:
    services.answers[kind] = lambda _: completed(TOKEN)
    headers = {"User-Agent": "shop/1"}
    answer = await gateway.http.post("/oauth/token", data=form | CLIENT, headers=headers)
    assert (answer.status_code, answer.json()) == (200, TOKEN)
    assert answer.headers["Cache-Control"] == "no-store"
    asked = _asked(services, kind)
    assert asked.model_dump(mode="json", include={"origin"})["origin"]["user_agent"] == "shop/1"
    assert asked.model_dump()["jkt"] is None


async def test_the_proven_key_is_passed_on(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers[RedeemCode] = lambda _: completed(TOKEN | {"token_type": "DPoP"})
    key = ProofKey()
    headers = {"DPoP": key.proof("/oauth/token", "POST", htu=str(gateway.http.base_url.join("/oauth/token")))}
    answer = await gateway.http.post("/oauth/token", data=CODE | CLIENT, headers=headers)
    assert answer.status_code == 200, answer.text
    assert _asked(services, RedeemCode).model_dump()["jkt"] == key.jkt
    again = await gateway.http.post("/oauth/token", data=CODE | CLIENT, headers=headers)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_dpop_proof")


TROUBLE = [
    ("invalid_grant", 400, "invalid_grant"),
    ("invalid_client", 401, "invalid_client"),
    ("unauthorized_client", 400, "unauthorized_client"),
    ("too_many_attempts", 429, "temporarily_unavailable"),
    ("unavailable", 503, "temporarily_unavailable"),
    ("overloaded", 503, "temporarily_unavailable"),
    ("deadline_exceeded", 503, "temporarily_unavailable"),
    ("invalid_message", 400, "invalid_request"),
    ("something_else", 500, "server_error"),
]


@pytest.mark.parametrize(("code", "status", "error"), TROUBLE)
async def test_trouble_is_told_in_the_words_of_the_standard(
    gateway: Gateway, services: ScriptedServices, code: str, status: int, error: str
) -> None:
    services.answers[RedeemCode] = lambda _: refused(code, 'It is "no".\n')
    answer = await gateway.http.post("/oauth/token", data=CODE | CLIENT)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert set(answer.json()["error_description"]).isdisjoint('"\\\n')
    assert ("Retry-After" in answer.headers) is (error == "temporarily_unavailable")
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)


async def test_an_identity_that_does_not_answer(gateway: Gateway) -> None:
    forms = {"token": CODE | CLIENT, "revoke": {"token": "x"} | CLIENT, "introspect": {"token": "x"} | CLIENT}
    for path, form in forms.items():
        answer = await gateway.http.post(f"/oauth/{path}", data=form)
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    page = await gateway.http.get("/oauth/authorize", params=ASKED)
    assert (page.status_code, page.headers["Retry-After"]) == (503, "1")
    assert "Please try again" in page.text
    assert "identity" not in page.text, "whoever reads this does not know our services"


async def test_a_large_form_is_refused_in_the_words_of_the_standard(gateway: Gateway) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(80):
            yield b"a" * 1024

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await gateway.http.post("/oauth/token", content=parts(), headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (413, "invalid_request")


async def test_revoking_says_nothing(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers[RevokeToken] = lambda _: completed({})
    answer = await gateway.http.post("/oauth/revoke", data={"token": "x", "token_type_hint": "unknown"} | CLIENT)
    assert (answer.status_code, answer.content) == (200, b"")
    services.answers[Introspect] = lambda _: completed({"active": False})
    told = await gateway.http.post("/oauth/introspect", data={"token": "x"} | CLIENT)
    assert told.json() == {"active": False}


@pytest.mark.parametrize("code", ["invalid_scope", "unmet_authentication_requirements"])
async def test_what_shows_only_at_sign_in_is_told_to_the_app(
    gateway: Gateway, services: ScriptedServices, code: str
) -> None:
    services.answers[CheckAuthorization] = lambda _: completed({"client_name": "Shop", "scopes": ["wallets"]})
    services.answers[SignIn] = lambda _: refused(code)
    form = ASKED | {"email": "ann@ledgerlink.example", "password": "x"}
    answer = await gateway.http.post("/oauth/sign_in", data=form)
    told = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert (answer.status_code, told["error"], told["state"]) == (303, [code], ["as it came"])
    assert told["iss"] == [gateway.parts.settings.token_issuer]


@pytest.mark.parametrize(("code", "status"), [("too_many_attempts", 429), ("overloaded", 503)])
async def test_somebody_who_has_to_wait_sees_the_page_again(
    gateway: Gateway, services: ScriptedServices, code: str, status: int
) -> None:
    services.answers[CheckAuthorization] = lambda _: completed({"client_name": "Shop", "scopes": ["wallets"]})
    services.answers[SignIn] = lambda _: refused(code)
    form = ASKED | {"email": "ann@ledgerlink.example", "password": "correct horse battery staple"}
    answer = await gateway.http.post("/oauth/sign_in", data=form)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert "ann@ledgerlink.example" in answer.text
    assert "correct horse" not in answer.text


async def test_a_recovery_code_is_told_from_a_one_time_code(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers[CheckAuthorization] = lambda _: completed({"client_name": "Shop", "scopes": ["wallets"]})
    services.answers[SignIn] = lambda _: refused("invalid_credentials", "No.", "otp")
    for typed in ("123 456", "abcd-efgh-ijkl-mnop"):
        form = ASKED | {"email": "ann@ledgerlink.example", "password": "x", "code": typed}
        answer = await gateway.http.post("/oauth/sign_in", data=form)
        assert 'name="code"' in answer.text
        assert typed not in answer.text
    first, second = (envelope.data for envelope in services.commands(SignIn))
    assert (first.otp, first.recovery_code) == ("123456", None)
    assert (second.otp, second.recovery_code.get_secret_value()) == (None, "abcd-efgh-ijkl-mnop")


async def test_the_device_is_remembered_only_over_https_where_there_is_https(
    gateway: Gateway, services: ScriptedServices
) -> None:
    answer = {"redirect_uri": "https://shop.example/?a=1", "state": "", "code": "llc_x", "device_token": "lld_x"}
    services.answers[AnswerConsent] = lambda _: completed(answer)
    form = {"ticket": "llt_x", "decision": "allow"}
    headers = {"Cookie": "ledgerlink_device=lld_before"}
    back = await gateway.http.post("/oauth/consent", data=form, headers=headers)
    issuer = "https%3A%2F%2Fledgerlink.example%2Fidentity"
    assert back.headers["Location"] == f"https://shop.example/?a=1&code=llc_x&iss={issuer}"
    assert "Secure" not in back.headers["Set-Cookie"], "the tests' gateway is published at http"
    (asked,) = services.commands(AnswerConsent)
    assert asked.data.device_token.get_secret_value() == "lld_before"


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=20), max_size=5))
def test_what_is_sent_back_is_what_was_meant(answer: dict[str, str]) -> None:
    location = sent_back("https://shop.example/cb?kept=1", answer).headers["Location"]
    split = urlsplit(location)
    assert (split.netloc, split.path) == ("shop.example", "/cb")
    told = parse_qs(split.query, keep_blank_values=True)
    assert told.pop("kept")[0] == "1"
    assert {name: values[-1] for name, values in told.items()} == {n: v for n, v in answer.items() if n != "kept"}


@given(st.text(max_size=200))
def test_whatever_comes_is_a_form_or_refused(text: str) -> None:
    with suppress(OAuthError):
        assert len(parameters(text)) <= 50


def test_where_a_form_leads_is_written_as_a_policy_can() -> None:
    assert form_target("https://shop.example:8443/cb?x=1") == "https://shop.example:8443"
    assert form_target("http://127.0.0.1:9/cb") == "http://127.0.0.1:9"
    assert form_target("http://[::1]:9/cb") == "http:"


@pytest.mark.parametrize("credentials", ["\xe4", "bm9jb2xvbg\xe4=="])
async def test_a_client_with_letters_that_base64_has_not_is_not_known(gateway: Gateway, credentials: str) -> None:
    headers = {b"Authorization": b"Basic " + credentials.encode("latin-1")}
    answer = await gateway.http.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
