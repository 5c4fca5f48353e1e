"""The HTTP client for strangers' endpoints, against real servers."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpcore
import pytest

from apps.payments.domain.delivering import SendError
from apps.payments.tests.webhooks.certificates import Authority
from apps.payments.tests.webhooks.shop import Shop, answer, open_shop, raw, silence
from apps.payments.workers import outgoing_http
from apps.payments.workers.outgoing_http import OutgoingHttp, Resolve, SendFailedError, SystemResolver

PUBLIC = "8.8.8.8"


@asynccontextmanager
async def http(
    *, inside: bool = True, resolve: Resolve | None = None, **options: object
) -> AsyncIterator[OutgoingHttp]:
    client = OutgoingHttp(inside=inside, resolve=resolve, **options)  # type: ignore[arg-type]
    try:
        yield client
    finally:
        await client.close()


async def failure(client: OutgoingHttp, url: str) -> SendError:
    with pytest.raises(SendFailedError) as failed:
        await client.post(url, {}, b"{}")
    return failed.value.error


def names(**addresses: list[str]) -> Resolve:
    """A resolver of a test's own."""
    known = {name.replace("_", "."): found for name, found in addresses.items()}

    async def resolve(host: str) -> list[str]:
        if host not in known:
            raise OSError("no such name")
        return known[host]

    return resolve


async def test_a_body_is_posted_as_it_is_and_the_connection_is_used_again(shop: Shop) -> None:
    body = '{"note":"Zoë"}'.encode()
    async with http() as client:
        for _ in range(3):
            assert (await client.post(shop.url("/a?b=c"), {"webhook-id": "x"}, body)).status_code == 204
    received = shop.received[0]
    assert (received.path, received.body) == ("/a?b=c", body)
    assert received.headers["host"] == f"127.0.0.1:{shop.port}"
    assert received.headers["webhook-id"] == "x"
    assert received.headers["content-length"] == str(len(body))
    assert (len(shop.received), shop.connections) == (3, 1)


@pytest.mark.parametrize("status", [200, 301, 404, 410, 429, 500, 503, 599])
async def test_a_status_is_an_answer_and_a_redirect_is_not_followed(shop: Shop, status: int) -> None:
    shop.behave["/hooks"] = answer(status, location=shop.url("/elsewhere"), retry_after="7")
    async with http() as client:
        told = await client.post(shop.url(), {}, b"{}")
    assert (told.status_code, told.retry_after) == (status, "7")
    assert not shop.at("/elsewhere")


REBINDING = [
    (["127.0.0.1"]),
    (["::1"]),
    (["::ffff:127.0.0.1"]),
    (["169.254.169.254"]),
    (["10.0.0.7"]),
    (["100.64.1.1"]),
    (["0.0.0.0"]),  # noqa: S104
    (["fe80::1%lo"]),
    (["64:ff9b::7f00:1"]),
    (["2002:7f00:1::"]),
    ([PUBLIC, "127.0.0.1"]),
    (["127.0.0.1", PUBLIC]),
]


@pytest.mark.parametrize("addresses", REBINDING)
async def test_a_name_that_points_inside_is_refused(shop: Shop, addresses: list[str]) -> None:
    async with http(inside=False, resolve=names(shop_example=addresses)) as client:
        assert await failure(client, f"https://shop.example:{shop.port}/hooks") is SendError.ADDRESS_REFUSED
    assert not shop.connections


async def test_a_name_that_points_to_a_clouds_metadata_is_refused_in_development_too() -> None:
    async with http(inside=True, resolve=names(shop_example=["169.254.169.254"])) as client:
        assert await failure(client, "http://shop.example/hooks") is SendError.ADDRESS_REFUSED


async def test_a_name_that_changes_its_address_after_the_check_changes_nothing(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the first answer is public, all later ones are this machine, where a server listens."""
    asked = 0

    async def resolve(_host: str) -> list[str]:
        nonlocal asked
        asked += 1
        return [PUBLIC] if asked == 1 else ["127.0.0.1"]

    connected: list[str] = []
    async with http(inside=False, resolve=resolve, trust=Authority(tmp_path).trust) as client:
        sockets = client._backend._sockets

        async def connect_tcp(host: str, *_: object) -> object:
            connected.append(host)
            raise httpcore.ConnectError(OSError("unreachable in this test"))

        monkeypatch.setattr(sockets, "connect_tcp", connect_tcp)
        url = f"https://shop.example:{shop.port}/hooks"
        assert await failure(client, url) is SendError.CONNECTION_FAILED
        assert await failure(client, url) is SendError.ADDRESS_REFUSED
    # One look-up a connection, and the connection goes to what was looked up.
    assert (connected, asked) == ([PUBLIC], 2)
    assert not shop.connections


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "0x7f.1", "localhost.", "2130706433", "[::ffff:127.0.0.1]"])
async def test_a_url_that_was_stored_before_the_rules_is_refused_too(shop: Shop, host: str) -> None:
    async with http(inside=False) as client:
        assert await failure(client, f"https://{host}:{shop.port}/hooks") is SendError.ADDRESS_REFUSED
        assert await failure(client, f"http://{host}:{shop.port}/hooks") is SendError.ADDRESS_REFUSED
    assert not shop.connections


async def test_the_environments_proxy_is_not_asked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_shop() as proxy:
        for variable in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(variable, proxy.url(""))
        async with http() as client:
            await client.post(shop.url(), {}, b"{}")
        assert not proxy.connections
    assert len(shop.received) == 1


async def test_tls_is_for_the_name_though_the_connection_is_to_an_address(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with open_shop(authority.server("shop.example")) as shop:
        resolve = names(shop_example=["127.0.0.1"], other_example=["127.0.0.1"])
        async with http(resolve=resolve, trust=authority.trust) as client:
            assert (await client.post(shop.url(host="shop.example"), {}, b"{}")).status_code == 204
            assert shop.received[0].headers["host"] == f"shop.example:{shop.port}"
            assert await failure(client, shop.url(host="other.example")) is SendError.TLS_FAILED
        async with http(resolve=resolve) as client:
            assert await failure(client, shop.url(host="shop.example")) is SendError.TLS_FAILED


async def test_the_next_address_is_tried_when_one_does_not_answer(shop: Shop) -> None:
    async with http(resolve=names(shop_example=["::1", "127.0.0.1"])) as client:
        assert (await client.post(shop.url(host="shop.example"), {}, b"{}")).status_code == 204


async def test_names_that_are_not_there(shop: Shop) -> None:
    async with http(resolve=names()) as client:
        assert await failure(client, shop.url(host="shop.example")) is SendError.NAME_NOT_RESOLVED
    async with http(resolve=names(shop_example=[])) as client:
        assert await failure(client, shop.url(host="shop.example")) is SendError.NAME_NOT_RESOLVED


async def test_nobody_listens(shop: Shop) -> None:
    async with http() as client:
        assert await failure(client, "http://127.0.0.1:1/") is SendError.CONNECTION_FAILED
        shop.behave["/hooks"] = raw(b"")
        assert await failure(client, shop.url()) is SendError.NOT_HTTP


@pytest.mark.parametrize(
    "payload",
    [b"220 mail.example ESMTP\r\n", b"\x00" * 1000, b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"x" * 200_000],
)
async def test_what_is_no_http_is_an_error(shop: Shop, payload: bytes) -> None:
    shop.behave["/hooks"] = raw(payload)
    async with http() as client:
        assert await failure(client, shop.url()) is SendError.NOT_HTTP


async def test_an_endpoint_that_never_answers_times_out(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing_http, "TOTAL_SECONDS", 0.3)
    shop.behave["/hooks"] = silence
    async with http() as client:
        begun = time.monotonic()
        assert await failure(client, shop.url()) is SendError.TIMED_OUT
        assert time.monotonic() - begun < 8
        shop.behave["/hooks"] = answer()
        assert (await client.post(shop.url(), {}, b"{}")).status_code == 204


async def test_a_header_that_trickles_in_times_out_and_a_body_does_not_matter(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing_http, "TOTAL_SECONDS", 0.5)

    async def trickle(writer: asyncio.StreamWriter, head: bytes = b"HTTP/1.1 200 OK\r\nx: ") -> None:
        writer.write(head)
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async def trickle_body(writer: asyncio.StreamWriter) -> None:
        await trickle(writer, b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")

    async with http() as client:
        shop.behave["/hooks"] = trickle
        assert await failure(client, shop.url()) is SendError.TIMED_OUT
        shop.behave["/hooks"] = trickle_body
        assert (await client.post(shop.url(), {}, b"{}")).status_code == 200


async def test_of_a_huge_answer_only_the_beginning_is_read(shop: Shop) -> None:
    written = 0

    async def flood(writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        while written < 1_000_000_000:
            writer.write(b"x" * 65536)
            await writer.drain()
            written += 65536

    shop.behave["/hooks"] = flood
    async with http() as client:
        assert (await client.post(shop.url(), {}, b"{}")).status_code == 200
    assert written < 20_000_000


async def test_an_answer_that_asks_for_more_first_is_no_answer(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing_http, "TOTAL_SECONDS", 0.3)

    async def go_on(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    shop.behave["/hooks"] = go_on
    async with http() as client:
        assert await failure(client, shop.url()) is SendError.TIMED_OUT


async def test_a_body_that_is_too_large_is_not_sent(shop: Shop) -> None:
    async with http() as client:
        with pytest.raises(ValueError, match="not sent"):
            await client.post(shop.url(), {}, b"x" * (outgoing_http.LARGEST_BODY + 1))
    assert not shop.connections


async def test_a_name_is_looked_up_once_for_all_who_wait_and_a_slow_one_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_up: list[str] = []
    found = threading.Event()

    def look_up(host: str) -> list[str]:
        looked_up.append(host)
        if host == "slow.example":
            found.wait(30)
        return [PUBLIC]

    monkeypatch.setattr(outgoing_http, "_look_up", look_up)
    resolve = SystemResolver()
    slow = [asyncio.create_task(resolve("slow.example")) for _ in range(50)]
    await asyncio.sleep(0.05)
    assert await resolve("quick.example") == [PUBLIC]
    slow[0].cancel()
    assert not any(waiting.done() for waiting in slow)
    found.set()
    results = await asyncio.gather(*slow, return_exceptions=True)
    assert results[1:] == [[PUBLIC]] * 49
    assert looked_up == ["slow.example", "quick.example"]


async def test_the_systems_resolver_finds_this_machine() -> None:
    assert set(await SystemResolver()("localhost")) <= {"127.0.0.1", "::1"}
    with pytest.raises(socket.gaierror):
        await SystemResolver()("no-such-name.invalid")


async def test_connections_to_a_bounded_number_of_hosts_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing_http, "_KEPT_PLACES", 2)
    async with open_shop() as one, open_shop() as two, open_shop() as three, http() as client:
        busy = asyncio.create_task(client.post(one.url("/slow"), {}, b"{}"))
        answered = asyncio.Event()

        async def when_told(writer: asyncio.StreamWriter) -> None:
            await answered.wait()
            await answer()(writer)

        one.behave["/slow"] = when_told
        await one.gets(1, "/slow")
        for shop in (two, three, two, three, three):
            await client.post(shop.url(), {}, b"{}")
        assert (two.connections, three.connections) == (2, 2), "the place of one that is busy is not taken"
        answered.set()
        assert (await busy).status_code == 204
