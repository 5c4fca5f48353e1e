"""What an answer depends on besides the request: the name it was sent to, the page it came from, who passed it on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.wallet import ListAccounts
from gateway.settings import GatewaySettings
from gateway.tests.conftest import Gateway, running, served
from gateway.tests.scripted_services import ScriptedServices, completed
from outbox.settings import InvalidSettingsError

OURS = ["127.0.0.1", "127.0.0.1:8080", "localhost", "LOCALHOST:80", "localhost.", "localhost.:80", "[::1]", "[::1]:443"]
OTHERS = ["", "evil.test", "localhost.evil.test", "localhost@evil.test", "evil.test#localhost", "127.0.0.1:80:80",
          "127.0.0.2", "[::2]", "::1", "local host", "localhost/", "x" * 300, "löcalhost".encode()]  # fmt: skip


@pytest.mark.parametrize("host", OURS)
async def test_a_name_of_ours_is_answered(gateway: Gateway, host: str) -> None:
    assert (await gateway.http.get("/v1/wallets", headers={"Host": host})).status_code == 401


@pytest.mark.parametrize("host", OTHERS)
async def test_another_name_is_not(gateway: Gateway, host: Any) -> None:
    answer = await gateway.http.get("/v1/wallets", headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (400, "host_not_allowed")
    assert answer.headers["X-Correlation-Id"] == answer.json()["correlation_id"]
    assert (await gateway.http.get("/healthz", headers={"Host": host})).status_code == 200


async def test_one_name_at_a_time(gateway: Gateway) -> None:
    twice = [("Host", "localhost"), ("Host", "localhost")]
    assert (await gateway.http.get("/v1/wallets", headers=twice)).json()["code"] == "host_not_allowed"


async def test_a_name_that_was_set(settings: Callable[..., GatewaySettings], services: ScriptedServices) -> None:
    assert services.accounts == {}
    async with running(settings(hosts="api.shop.test, pay.shop.test")) as gateway:
        codes = {h: (await gateway.http.get("/v1/wallets", headers={"Host": h})).status_code for h in
                 ("api.shop.test", "pay.shop.test:443", "localhost", "shop.test")}  # fmt: skip
    assert codes == {"api.shop.test": 401, "pay.shop.test:443": 401, "localhost": 400, "shop.test": 400}


PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,idempotency-key"}


async def test_pages_of_no_origin_are_allowed_by_default(gateway: Gateway) -> None:
    answer = await gateway.http.options("/v1/transfers", headers={"Origin": "https://shop.test"} | PREFLIGHT)
    assert answer.status_code == 405
    read = await gateway.http.get("/v1/wallets", headers={"Origin": "https://shop.test"})
    assert not [name for name in (*answer.headers, *read.headers) if name.startswith("access-control")]


async def test_pages_of_allowed_origins_may_read_answers(
    settings: Callable[..., GatewaySettings], services: ScriptedServices
) -> None:
    assert services.accounts == {}
    async with running(settings(cors_origins="https://shop.test,http://localhost:3000")) as gateway:
        for origin in ("https://shop.test", "http://localhost:3000"):
            asked = await gateway.http.options("/v1/transfers", headers={"Origin": origin} | PREFLIGHT)
            assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (200, origin)
            assert "Idempotency-Key" in asked.headers["Access-Control-Allow-Headers"]
            read = await gateway.http.get("/v1/wallets", headers={"Origin": origin})
            assert (read.status_code, read.headers["Access-Control-Allow-Origin"]) == (401, origin)
            assert "RateLimit" in read.headers["Access-Control-Expose-Headers"]
            assert "Access-Control-Allow-Credentials" not in read.headers
            assert "Origin" in read.headers["Vary"]
        for origin in ("https://evil.test", "https://shop.test.evil.test", "http://shop.test", "null"):
            asked = await gateway.http.options("/v1/transfers", headers={"Origin": origin} | PREFLIGHT)
            read = await gateway.http.get("/v1/wallets", headers={"Origin": origin})
            assert asked.status_code == 400
            assert "Access-Control-Allow-Origin" not in {*asked.headers, *read.headers}


async def test_pages_may_send_and_read_every_header_that_is_documented(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, document: dict[str, Any]
) -> None:
    assert services.accounts == {}
    of_pages = [path for name, path in document["paths"].items() if not name.startswith("/v1/webhooks/")]
    operations = [operation for path in of_pages for operation in path.values()]
    sent = {p["name"].lower() for o in operations for p in o.get("parameters", []) if p["in"] == "header"}
    told = {name.lower() for o in operations for answer in o["responses"].values() for name in answer["headers"]}
    async with running(settings(cors_origins="https://shop.test")) as gateway:
        origin = {"Origin": "https://shop.test"}
        asked = await gateway.http.options("/v1/transfers", headers=origin | PREFLIGHT)
        read = await gateway.http.get("/v1/wallets", headers=origin)
    assert sent <= set(asked.headers["Access-Control-Allow-Headers"].lower().split(", "))
    assert told <= set(read.headers["Access-Control-Expose-Headers"].lower().split(", "))


WRONG = [
    ({"cors_origins": "*"}, "GATEWAY_CORS_ORIGINS: not an origin"),
    ({"cors_origins": "https://shop.test/"}, "GATEWAY_CORS_ORIGINS: not an origin"),
    ({"cors_origins": "shop.test"}, "GATEWAY_CORS_ORIGINS: not an origin"),
    ({"hosts": "*"}, "GATEWAY_HOSTS: not a host name"),
    ({"hosts": "localhost:8080"}, "GATEWAY_HOSTS: not a host name"),
    ({"trusted_proxies": "*"}, "GATEWAY_TRUSTED_PROXIES: '\\*' does not appear to be"),
    ({"trusted_proxies": "10.0.0.1, proxy"}, "GATEWAY_TRUSTED_PROXIES: 'proxy' does not appear to be"),
]


@pytest.mark.parametrize(("changes", "told"), WRONG)
def test_a_wrong_list_is_told_at_the_start(
    settings: Callable[..., GatewaySettings], changes: dict[str, str], told: str
) -> None:
    with pytest.raises(InvalidSettingsError, match=told):
        settings(**changes)


ONCE = """
[policies.anonymous]
per = "anonymous"
quota = 1
window = 3600

[[classes]]
name = "all"
policies = ["anonymous"]
"""


@pytest.mark.parametrize(("trusted", "statuses"), [
    ("", [401, 429, 429]),
    ("192.0.2.7", [401, 429, 429]),
    ("127.0.0.1", [401, 401, 401]),
    ("127.0.0.0/8", [401, 401, 401]),
])  # fmt: skip
async def test_only_a_trusted_proxy_tells_for_whom_it_asks(
    settings: Callable[..., GatewaySettings],
    services: ScriptedServices,
    tmp_path: Path,
    trusted: str,
    statuses: list[int],
) -> None:
    assert services.accounts == {}
    once = tmp_path / "once.toml"
    once.write_text(ONCE)
    async with running(settings(trusted_proxies=trusted, rate_limits=once)) as gateway, served(gateway) as http:
        answers = [
            await http.get(
                "/v1/wallets",
                headers={"X-Forwarded-For": f"198.51.100.{n}", "X-Real-IP": f"198.51.100.{n}",
                         "Forwarded": f"for=198.51.100.{n};proto=https", "X-Forwarded-Proto": "https"},
            )
            for n in range(3)
        ]  # fmt: skip
        assert [a.status_code for a in answers] == statuses
        is_trusted = statuses[1] == 401
        assert [("Strict-Transport-Security" in a.headers) for a in answers] == [is_trusted] * 3


async def test_what_a_client_puts_before_its_proxy_is_not_believed(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, tmp_path: Path
) -> None:
    assert services.accounts == {}
    once = tmp_path / "once.toml"
    once.write_text(ONCE)
    async with running(settings(trusted_proxies="127.0.0.1", rate_limits=once)) as gateway, served(gateway) as http:
        spoofed = [{"X-Forwarded-For": f"203.0.113.{n}, 198.51.100.1"} for n in range(3)]
        answers = [await http.get("/v1/wallets", headers=headers) for headers in spoofed]
        assert [a.status_code for a in answers] == [401, 429, 429]


async def test_an_answer_over_http_promises_no_https(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers[ListAccounts] = lambda _: completed({"accounts": []})
    assert "Strict-Transport-Security" not in (await gateway.http.get("/v1/wallets")).headers
    secure = await gateway.http.get("https://127.0.0.1/v1/wallets")
    assert secure.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize("media_type", ["text/plain", "text/html", "multipart/form-data; boundary=x", "image/png"])
async def test_a_form_of_another_page_is_no_request(gateway: Gateway, media_type: str) -> None:
    body = b'{"email": "ann@ledgerlink.example", "password": "correct horse battery staple"}'
    answer = await gateway.http.post("/v1/users", content=body, headers={"Content-Type": media_type})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
