"""An independent client completes every grant against the whole system, and those who are not it complete none."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import pytest
import pytest_asyncio
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url

from ops.stack.stack import Stack
from tests.oauth_browser import FormBrowser, Page
from tests.oauth_people import App, Pkce, authorization_url, log_in, new_app, new_merchant, register
from tests.people import PASSWORD
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def merchant(stack: Stack, http: httpx.AsyncClient) -> dict[str, str]:
    return await new_merchant(stack, http)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def app(http: httpx.AsyncClient, merchant: dict[str, str]) -> App:
    return await new_app(http, merchant)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def public(http: httpx.AsyncClient, merchant: dict[str, str]) -> App:
    grants = ["authorization_code", "refresh_token"]
    uris = ["http://127.0.0.1/callback"]
    return await new_app(http, merchant, confidential=False, grant_types=grants, redirect_uris=uris)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ann(http: httpx.AsyncClient) -> str:
    return await register(http)


@pytest_asyncio.fixture(loop_scope="session")
async def browser(stack: Stack) -> AsyncIterator[FormBrowser]:
    """A browser of somebody who was never here."""
    async with httpx.AsyncClient(base_url=stack.url, timeout=30) as client:
        yield FormBrowser(client)


async def _metadata(http: httpx.AsyncClient, stack: Stack) -> dict[str, Any]:
    answer = await http.get(get_well_known_url(stack.url, external=True).removeprefix(stack.url))
    found: dict[str, Any] = answer.json()
    return found


async def _code(browser: FormBrowser, app: App, pkce: Pkce, email: str, **changes: str) -> str:
    return (await browser.agree(authorization_url(app, pkce, **changes), email, PASSWORD)).told["code"]


async def _redeem(http: httpx.AsyncClient, app: App, code: str, pkce: Pkce, /, **changes: str) -> httpx.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": app.redirect_uri}
    return await http.post("/oauth/token", data=form | {"code_verifier": pkce.verifier} | app.form | changes)


async def _introspect(http: httpx.AsyncClient, app: App, token: str) -> dict[str, Any]:
    answer = await http.post("/oauth/introspect", data={"token": token} | app.form)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_server_describes_itself(http: httpx.AsyncClient, stack: Stack) -> None:
    found = await _metadata(http, stack)
    assert found["issuer"] == stack.url
    # The standard wants https, which a stack on one machine has not.
    on_the_net = {
        name: value.replace("http://", "https://") if isinstance(value, str) else value for name, value in found.items()
    }
    AuthorizationServerMetadata(on_the_net).validate()
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["authorization_response_iss_parameter_supported"] is True
    resource = (await http.get("/.well-known/oauth-protected-resource")).json()
    assert (resource["resource"], resource["authorization_servers"]) == (stack.url, [stack.url])
    elsewhere = await http.get("/.well-known/oauth-authorization-server/other")
    assert elsewhere.status_code == 404


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
async def test_an_independent_client_gets_and_refreshes_tokens(
    stack: Stack, http: httpx.AsyncClient, browser: FormBrowser, app: App, public: App, ann: str, method: str
) -> None:
    found = await _metadata(http, stack)
    used = public if method == "none" else app
    # An app on a device listens where there is room.
    redirect_uri = used.redirect_uri.replace("127.0.0.1/", "127.0.0.1:49152/")
    client = AsyncOAuth2Client(
        used.id,
        used.secret,
        token_endpoint_auth_method=method,
        redirect_uri=redirect_uri,
        scope="wallets payments",
        code_challenge_method="S256",
    )
    pkce = Pkce.fresh()
    url, state = client.create_authorization_url(found["authorization_endpoint"], code_verifier=pkce.verifier)
    back = await browser.agree(url, ann, PASSWORD)
    assert back.status == 303
    assert back.headers["Location"].startswith(redirect_uri + "?")
    assert (back.told["state"], back.told["iss"]) == (state, found["issuer"])
    token = await client.fetch_token(
        found["token_endpoint"], authorization_response=back.headers["Location"], code_verifier=pkce.verifier
    )
    assert (token["token_type"], token["scope"]) == ("Bearer", "wallets payments")
    assert (await client.get(stack.url + "/v1/wallets")).status_code == 200
    renewed = await client.refresh_token(found["token_endpoint"])
    assert renewed["refresh_token"] != token["refresh_token"]
    assert (await client.get(stack.url + "/v1/wallets")).status_code == 200
    sessions = await http.get("/v1/sessions", headers=await log_in(http, ann))
    assert used.id in {session["client_id"] for session in sessions.json()["sessions"]}
    revoked = await client.revoke_token(found["revocation_endpoint"], token=renewed["refresh_token"])
    assert revoked.status_code == 200
    refused = await http.post(
        "/oauth/token",
        data={"grant_type": "refresh_token", "refresh_token": renewed["refresh_token"]} | used.form,
    )
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    await _until_refused(http, renewed["access_token"])
    await client.aclose()


async def _until_refused(http: httpx.AsyncClient, token: str) -> None:
    """Wait until the gateway has heard that a token holds no longer."""
    headers = {"Authorization": f"Bearer {token}"}

    async def refused() -> bool:
        return (await http.get("/v1/wallets", headers=headers)).status_code == 401

    await eventually("the token is refused", refused)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_an_independent_client_acts_for_itself(
    stack: Stack, http: httpx.AsyncClient, app: App, method: str
) -> None:
    found = await _metadata(http, stack)
    client = AsyncOAuth2Client(app.id, app.secret, token_endpoint_auth_method=method)
    token = await client.fetch_token(found["token_endpoint"], grant_type="client_credentials", scope="wallets")
    assert (token["scope"], "refresh_token" in token) == ("wallets", False)
    made = await client.post(
        stack.url + "/v1/wallets", json={"currency": "EUR"}, headers={"Idempotency-Key": f"{app.id}-{method}"}
    )
    assert made.status_code == 201, made.text
    assert made.json()["owner"] == app.id
    told = await client.introspect_token(found["introspection_endpoint"], token=token["access_token"])
    assert told.json().items() >= {"active": True, "client_id": app.id, "sub": app.id, "iss": stack.url}.items()
    unsupported = await client.revoke_token(found["revocation_endpoint"], token=token["access_token"])
    assert (unsupported.status_code, unsupported.json()["error"]) == (400, "unsupported_token_type")
    await client.aclose()


async def test_anybody_can_check_a_token_by_the_published_keys(
    stack: Stack, http: httpx.AsyncClient, browser: FormBrowser, app: App, ann: str
) -> None:
    pkce = Pkce.fresh()
    token = (await _redeem(http, app, await _code(browser, app, pkce, ann), pkce)).json()["access_token"]
    answer = await http.get("/.well-known/jwks.json")
    assert "max-age=60" in answer.headers["Cache-Control"]
    keys = {key.key_id: key for key in jwt.PyJWKSet(answer.json()["keys"]).keys}
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["EdDSA"], issuer=stack.url, options={"verify_aud": False})
    assert (claims["client_id"], claims["scope"]) == (app.id, "wallets payments")


async def test_a_code_that_is_used_again_ends_what_it_gave(
    http: httpx.AsyncClient, browser: FormBrowser, app: App, ann: str
) -> None:
    pkce = Pkce.fresh()
    code = await _code(browser, app, pkce, ann)
    token = (await _redeem(http, app, code, pkce)).json()
    assert (await _introspect(http, app, token["refresh_token"]))["active"]
    again = await _redeem(http, app, code, pkce)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    for which in ("access_token", "refresh_token"):
        assert await _introspect(http, app, token[which]) == {"active": False}
    await _until_refused(http, token["access_token"])


async def test_a_code_is_worth_nothing_to_others(
    http: httpx.AsyncClient, browser: FormBrowser, app: App, public: App, merchant: dict[str, str], ann: str
) -> None:
    pkce = Pkce.fresh()
    code = await _code(browser, app, pkce, ann)
    other = await new_app(http, merchant)
    attempts = [
        (other, {}, "invalid_grant"),
        (public, {"redirect_uri": app.redirect_uri}, "invalid_grant"),
        (App("ledgerlink", None, app.redirect_uri), {}, "unauthorized_client"),
        (App(app.id, "lls_wrong", app.redirect_uri), {}, "invalid_client"),
        (App(app.id, None, app.redirect_uri), {}, "invalid_client"),
        (app, {"code_verifier": Pkce.fresh().verifier}, "invalid_grant"),
        (app, {"code_verifier": pkce.challenge}, "invalid_grant"),
        (app, {"redirect_uri": "https://evil.example/callback"}, "invalid_grant"),
        (app, {"code": code + "x"}, "invalid_grant"),
    ]
    for presenting, changes, error in attempts:
        refused = await _redeem(http, presenting, code, pkce, **changes)
        assert refused.json()["error"] == error
        assert refused.status_code == (401 if error == "invalid_client" else 400)
        assert refused.headers["Cache-Control"] == "no-store"
    assert (await _redeem(http, app, code, pkce)).status_code == 200


OPEN_REDIRECTS = [
    "https://evil.example/callback",
    "https://shop.example.evil.example/callback",
    "https://shop.example@evil.example/callback",
    "https://evil.example/https://shop.example/callback",
    "https://shop.example/callback/../../evil",
    "https://shop.example/callback?next=https://evil.example",
    "https://shop.example/callback#evil",
    "https://shop.example:8443/callback",
    "https://SHOP.example/callback",
    "http://shop.example/callback",
    "//evil.example/callback",
    "https:evil.example",
    "https://shop.example\\@evil.example/callback",
    "javascript:alert(document.domain)",
    "data:text/html,<script>alert(1)</script>",
    "https://shop.example/callback\r\nLocation: https://evil.example",
    "",
]


@pytest.mark.parametrize("uri", OPEN_REDIRECTS)
async def test_nobody_is_sent_to_strangers(browser: FormBrowser, app: App, uri: str) -> None:
    page = await browser.open(authorization_url(app, Pkce.fresh(), redirect_uri=uri))
    assert page.status in {400, 422}
    assert "Location" not in page.headers
    assert page.alerts
    assert "<script>" not in page.text


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:9/other", "http://127.0.0.2:9/callback", "https://127.0.0.1/callback"]
)
async def test_a_free_port_frees_nothing_else(browser: FormBrowser, public: App, uri: str) -> None:
    page = await browser.open(authorization_url(public, Pkce.fresh(), redirect_uri=uri))
    assert (page.status, "Location" in page.headers) == (422, False)


TOLD = [
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": ""}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": ""}, "invalid_request"),
    ({"code_challenge": ""}, "invalid_request"),
    ({"scope": "users:manage keys:manage"}, "invalid_scope"),
    ({"acr_values": "gold"}, "unmet_authentication_requirements"),
]


@pytest.mark.parametrize(("changes", "error"), TOLD)
async def test_what_is_out_of_order_is_told_to_the_app(
    stack: Stack, browser: FormBrowser, app: App, changes: dict[str, str], error: str
) -> None:
    page = await browser.open(authorization_url(app, Pkce.fresh(), **changes))
    assert page.status == 303
    assert page.headers["Location"].startswith(app.redirect_uri + "?")
    assert (page.told["error"], page.told["state"], page.told["iss"]) == (error, "as it came", stack.url)


async def test_an_unknown_app_gets_nobody(browser: FormBrowser, app: App) -> None:
    stranger = App("01990f3e-d000-7abb-8dcc-cfd0e1b25501", None, app.redirect_uri)
    page = await browser.open(authorization_url(stranger, Pkce.fresh()))
    assert (page.status, "Location" in page.headers) == (404, False)
    twice = authorization_url(app, Pkce.fresh()) + "&redirect_uri=https%3A%2F%2Fevil.example"
    page = await browser.open(twice)
    assert (page.status, "Location" in page.headers) == (400, False)


async def test_the_form_that_comes_back_is_checked_again(browser: FormBrowser, app: App, ann: str) -> None:
    """Whoever changes the hidden fields gets as far as whoever begins with them so."""
    page = await browser.open(authorization_url(app, Pkce.fresh()))
    strange = await browser.submit(page, email=ann, password=PASSWORD, redirect_uri="https://evil.example")
    assert (strange.status, "Location" in strange.headers) == (422, False)
    plain = await browser.submit(page, email=ann, password=PASSWORD, code_challenge_method="plain")
    assert plain.told["error"] == "invalid_request"
    more = await browser.submit(page, email=ann, password=PASSWORD, scope="wallets users:manage")
    assert "Manage" not in more.text
    assert "See your wallets" in more.text
    assert "See and make your payments" not in more.text


async def test_a_user_who_mistypes_keeps_the_address(browser: FormBrowser, app: App, ann: str) -> None:
    url = authorization_url(app, Pkce.fresh(), login_hint=ann)
    page = await browser.open(url)
    assert page.fields["email"] == ann
    wrong = await browser.submit(page, password="wrong password")
    assert (wrong.status, wrong.fields["email"], wrong.fields["password"]) == (403, ann, "")
    assert wrong.alerts == ["The e-mail address or the password is wrong."]
    nobody = await browser.submit(page, email="nobody@ledgerlink.example", password="wrong password")
    assert (nobody.status, nobody.alerts) == (wrong.status, wrong.alerts)
    no_address = await browser.submit(page, email="ann", password=PASSWORD)
    assert (no_address.status, no_address.fields["email"]) == (422, "ann")
    right = await browser.submit(no_address, email=ann, password=PASSWORD)
    assert "Allow" in right.text


async def test_a_ticket_is_used_once_and_by_nobody_else(browser: FormBrowser, app: App, ann: str) -> None:
    page = await browser.sign_in(authorization_url(app, Pkce.fresh()), ann, PASSWORD)
    made_up = await browser.submit(page, ticket="llt_" + "x" * 43, decision="allow")
    assert (made_up.status, "Location" in made_up.headers) == (409, False)
    neither = await browser.submit(page, decision="perhaps")
    assert neither.status == 400
    denied = await browser.submit(page, decision="deny")
    assert (denied.told["error"], "code" in denied.told) == ("access_denied", False)
    again = await browser.submit(page, decision="allow")
    assert (again.status, again.headers["Content-Type"]) == (409, "text/html; charset=utf-8")


async def test_the_answer_goes_to_the_app_that_asked(
    http: httpx.AsyncClient, browser: FormBrowser, app: App, merchant: dict[str, str], ann: str
) -> None:
    """A mix-up (RFC 9700 §4.4): the code of one app's request is no code for another, and says whom it is from."""
    other = await new_app(http, merchant, redirect_uris=["https://other.example/callback"])
    pkce = Pkce.fresh()
    page = await browser.sign_in(authorization_url(app, pkce), ann, PASSWORD)
    back = await browser.submit(page, decision="allow", redirect_uri=other.redirect_uri, client_id=other.id)
    assert urlsplit(back.headers["Location"]).netloc == "shop.example"
    refused = await _redeem(http, other, back.told["code"], pkce)
    assert refused.json()["error"] == "invalid_grant"


async def test_a_page_is_nobody_elses(http: httpx.AsyncClient, browser: FormBrowser, app: App) -> None:
    page = await browser.open(authorization_url(app, Pkce.fresh()))
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' https://shop.example;" in policy
    assert "unsafe" not in policy
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in page.headers
    for site in ("cross-site", "same-site"):
        forged = await http.post("/oauth/sign_in", data=page.fields, headers={"Sec-Fetch-Site": site})
        assert forged.status_code == 403


async def test_what_an_app_is_called_is_no_markup(
    http: httpx.AsyncClient, browser: FormBrowser, merchant: dict[str, str], ann: str
) -> None:
    name = """<script>alert("'&")</script>"""
    app = await new_app(http, merchant, name=name)
    url = authorization_url(app, Pkce.fresh(), state='"><script>alert(2)</script>', login_hint='"><b>x')
    for page in (await browser.open(url), await browser.sign_in(url, ann, PASSWORD)):
        assert name in page.text, "as text"
        raw = await http.get(url)
        assert "<script" not in raw.text
    back = await browser.agree(url, ann, PASSWORD)
    assert back.told["state"] == '"><script>alert(2)</script>'


async def test_a_device_that_was_here_is_known(stack: Stack, app: App, ann: str) -> None:
    async with httpx.AsyncClient(base_url=stack.url, timeout=30) as client:
        back = await FormBrowser(client).agree(authorization_url(app, Pkce.fresh()), ann, PASSWORD)
        cookie = back.headers["Set-Cookie"]
        assert cookie.startswith("ledgerlink_device=lld_")
        for attribute in ("HttpOnly", "Path=/oauth", "SameSite=lax", "Max-Age="):
            assert attribute in cookie
        again = await FormBrowser(client).agree(authorization_url(app, Pkce.fresh()), ann, PASSWORD)
        assert again.headers["Set-Cookie"].split(";")[0] == cookie.split(";")[0]


FORMS = [
    ({}, "invalid_request", 400),
    ({"grant_type": "password", "username": "a", "password": "b"}, "unsupported_grant_type", 400),
    ({"grant_type": "client_credentials", "scope": "users:manage"}, "invalid_scope", 400),
    ({"grant_type": "client_credentials", "scope": "\u00fc"}, "invalid_request", 400),
    ({"grant_type": "refresh_token"}, "invalid_request", 400),
    ({"grant_type": "refresh_token", "refresh_token": "llr_nonsense"}, "invalid_grant", 400),
    ({"grant_type": "refresh_token", "refresh_token": "x" * 1000}, "invalid_request", 400),
    ({"grant_type": "authorization_code", "code": "llc_x"}, "invalid_request", 400),
    ({"grant_type": "client_credentials", "client_secret": "lls_wrong"}, "invalid_client", 401),
]


@pytest.mark.parametrize(("form", "error", "status"), FORMS)
async def test_what_is_wrong_is_said_in_the_words_of_the_standard(
    http: httpx.AsyncClient, app: App, form: dict[str, str], error: str, status: int
) -> None:
    answer = await http.post("/oauth/token", data=app.form | form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["Content-Type"] == "application/json"
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)


_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_how_a_client_may_say_who_it_is(http: httpx.AsyncClient, app: App) -> None:
    assert app.secret
    form = {"grant_type": "client_credentials"}
    right = httpx.BasicAuth(app.id, app.secret)
    assert (await http.post("/oauth/token", data=form, auth=right)).status_code == 200
    same = await http.post("/oauth/token", data=form | {"client_id": app.id}, auth=right)
    assert same.status_code == 200
    wrong = [
        ({"auth": httpx.BasicAuth(app.id, "lls_wrong"), "data": form}, "invalid_client"),
        ({"auth": right, "data": form | app.form}, "invalid_request"),
        ({"auth": right, "data": form | {"client_id": "ledgerlink"}}, "invalid_request"),
        ({"headers": {"Authorization": "Basic !"}, "data": form}, "invalid_client"),
        ({"headers": {"Authorization": "Basic bm9jb2xvbg=="}, "data": form}, "invalid_client"),
        ({"headers": {"Authorization": "Bearer x"}, "data": form | {"client_id": app.id}}, "invalid_client"),
        ({"data": form}, "invalid_client"),
        ({"json": form | app.form}, "invalid_request"),
        ({"content": b"grant_type=a&grant_type=b", "headers": _FORM}, "invalid_request"),
        ({"content": b"grant_type=%ff", "headers": _FORM}, "invalid_request"),
        ({"content": b"grant_type=\xff", "headers": _FORM}, "invalid_request"),
        ({"content": b"&".join(b"a%d=1" % n for n in range(60)), "headers": _FORM}, "invalid_request"),
    ]
    for request, error in wrong:
        answer = await http.post("/oauth/token", **request)  # type: ignore[arg-type]
        assert answer.json()["error"] == error, request
        assert answer.status_code == (401 if error == "invalid_client" else 400)


async def test_introspection_tells_a_client_of_its_own_tokens_only(
    http: httpx.AsyncClient, browser: FormBrowser, app: App, public: App, merchant: dict[str, str], ann: str
) -> None:
    pkce = Pkce.fresh()
    token = (await _redeem(http, app, await _code(browser, app, pkce, ann), pkce)).json()
    told = await _introspect(http, app, token["access_token"])
    assert told["active"]
    assert "username" not in told
    other = await new_app(http, merchant)
    assert await _introspect(http, other, token["access_token"]) == {"active": False}
    assert await _introspect(http, app, "nonsense") == {"active": False}
    refused = await http.post("/oauth/introspect", data={"token": token["access_token"]} | public.form)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    anonymous = await http.post("/oauth/introspect", data={"token": token["access_token"]})
    assert anonymous.status_code == 401


async def test_a_deleted_app_loses_all_that_it_was_given(
    http: httpx.AsyncClient, browser: FormBrowser, merchant: dict[str, str], ann: str
) -> None:
    app = await new_app(http, merchant)
    pkce = Pkce.fresh()
    users = (await _redeem(http, app, await _code(browser, app, pkce, ann), pkce)).json()["access_token"]
    own = (await http.post("/oauth/token", data={"grant_type": "client_credentials"} | app.form)).json()["access_token"]
    listed = await http.get("/v1/oauth_clients", headers=merchant)
    assert app.id in {client["id"] for client in listed.json()["clients"]}
    rotated = await http.post(f"/v1/oauth_clients/{app.id}/rotate_secret", headers=merchant)
    assert rotated.status_code == 200
    old = await http.post("/oauth/token", data={"grant_type": "client_credentials"} | app.form)
    assert old.json()["error"] == "invalid_client"
    somebody = await log_in(http, ann)
    assert (await http.delete(f"/v1/oauth_clients/{app.id}", headers=somebody)).status_code == 403
    assert (await http.delete(f"/v1/oauth_clients/{app.id}", headers=merchant)).status_code == 204
    assert (await http.delete(f"/v1/oauth_clients/{app.id}", headers=merchant)).status_code == 404
    await _until_refused(http, users)
    await _until_refused(http, own)
    page: Page = await browser.open(authorization_url(app, pkce))
    assert page.status == 404
