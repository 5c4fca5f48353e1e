"""Conditional reads: the tag tells what is shown, who has it gets no body, and HEAD answers as GET does without one."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp

from contracts.payments import GetPaymentIntent, GetTimeline
from contracts.wallet import ListAccounts
from gateway.conditional import Conditional, _tag_of, matches
from gateway.tests.conftest import Gateway, served
from gateway.tests.scripted_services import ScriptedServices, completed

TAGS = st.text(st.characters(codec="latin-1", min_codepoint=0x21, exclude_characters='"\x7f'), max_size=8)


async def _get(app: ASGIApp, method: str = "GET", **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(Conditional(app)), base_url="http://x") as http:
        return await http.request(method, "/", headers={k.replace("_", "-"): v for k, v in headers.items()})


async def test_the_same_is_read_once_and_what_has_changed_again(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    headers, wallet = services.signer.bearer(user), services.accounts[services.wallet(user)]
    services.answers[ListAccounts] = lambda _: completed({"accounts": [wallet]})
    first = await gateway.http.get("/v1/wallets", headers=headers)
    assert (first.status_code, first.headers["Cache-Control"]) == (200, "private, no-cache")
    tag = first.headers["ETag"]
    assert tag.startswith('"')
    again = await gateway.http.get("/v1/wallets", headers=headers | {"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert not again.headers.keys() & {"content-type", "content-length"}
    assert again.headers.keys() >= {"x-request-id", "x-correlation-id", "server-timing", "cache-control"}
    wallet["balance"] = 1
    changed = await gateway.http.get("/v1/wallets", headers=headers | {"If-None-Match": tag})
    assert (changed.status_code, changed.json()["wallets"]) == (200, [wallet])
    assert changed.headers["ETag"] != tag
    assert 'route="/v1/wallets",status="304"' in (await gateway.http.get("/metrics")).text


async def test_what_may_not_be_read_is_not_told_to_be_unchanged(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    services.answers[ListAccounts] = lambda _: completed({"accounts": []})
    answer = await gateway.http.get("/v1/wallets", headers={"If-None-Match": "*"})
    assert answer.status_code == 401
    assert "ETag" not in answer.headers
    scope = services.signer.bearer(user, scope="payments") | {"If-None-Match": "*"}
    assert (await gateway.http.get("/v1/wallets", headers=scope)).status_code == 403


async def test_head_is_get_without_the_body(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    services.answers[ListAccounts] = lambda _: completed({"accounts": []})
    async with served(gateway) as http:
        headers = services.signer.bearer(user)
        got, headed = [await http.request(m, "/v1/wallets", headers=headers) for m in ("GET", "HEAD")]
        assert (headed.status_code, headed.content) == (200, b"")
        for name in ("content-length", "content-type", "etag", "cache-control"):
            assert headed.headers[name] == got.headers[name]
        unchanged = await http.head("/v1/wallets", headers=headers | {"If-None-Match": got.headers["ETag"]})
        assert unchanged.status_code == 304
        missing = await http.head("/nowhere")
        assert (missing.status_code, missing.content) == (404, b"")
        assert (await http.head("/v1/payment_intents/x/confirm")).status_code == 405
        text = (await http.get("/metrics")).text
    assert 'method="HEAD",route="/v1/wallets",status="200"' in text


async def test_head_of_a_stream_ends_at_once_and_frees_its_place(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    intent = str(user)
    services.answers[GetPaymentIntent] = lambda _: completed({"id": intent, "status": "processing"})
    services.answers[GetTimeline] = lambda _: completed({"hops": []})
    async with served(gateway) as http, asyncio.timeout(30):
        answer = await http.head(f"/v1/payment_intents/{intent}/events", headers=services.signer.bearer(user))
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        while gateway.parts.streams._of.total():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


NO_TAG: list[Response] = [
    JSONResponse({"token": "x"}, headers={"Cache-Control": "no-store"}),
    JSONResponse({"error": "x"}, 404),
    JSONResponse({"made": "x"}, 201),
    Response(b"%PDF", media_type="application/pdf"),
    StreamingResponse(iter([b"{", b"}"]), media_type="application/json"),
    JSONResponse("x" * 2**20),
]


@pytest.mark.parametrize("response", NO_TAG)
async def test_what_has_no_tag(response: Any) -> None:
    answer = await _get(response, If_None_Match="*")
    assert answer.status_code == response.status_code
    assert "ETag" not in answer.headers
    assert answer.content


async def test_a_routes_own_tag_and_cache_control_stay() -> None:
    own = await _get(JSONResponse({}, headers={"Cache-Control": "public, max-age=60"}))
    assert (own.headers["Cache-Control"], own.headers["ETag"]) == ("public, max-age=60", _tag_of(b"{}").decode())
    tagged = await _get(JSONResponse({}, headers={"ETag": '"mine"'}))
    assert tagged.headers["ETag"] == '"mine"'


async def test_only_reads_are_conditional() -> None:
    answer = await _get(JSONResponse({}), "POST", If_None_Match="*")
    assert (answer.status_code, "ETag" in answer.headers) == (200, False)


TAG = b'"abc"'
MATCHING = [b"*", TAG, b"W/" + TAG, b'"x", "abc"', b'"a,b" , W/"abc",', b',, "abc"']
OTHER = [b"", b"abc", b'"abc', b'"ABC"', b'w/"abc"', b'"x" "abc"', b'*, "abc"', b'"abc" x', b'"x"']


def test_weak_comparison_of_a_list() -> None:
    assert [known for known in MATCHING if not matches(known, TAG)] == []
    assert [known for known in OTHER if matches(known, TAG)] == []


@given(st.lists(st.tuples(st.booleans(), TAGS), min_size=1, max_size=5), TAGS)
def test_a_list_matches_what_is_in_it(known: list[tuple[bool, str]], shown: str) -> None:
    field = ", ".join(f'{"W/" if weak else ""}"{tag}"' for weak, tag in known).encode("latin-1")
    assert matches(field, f'"{shown}"'.encode("latin-1")) == (shown in {tag for _, tag in known})


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_other_bytes_have_another_tag(one: bytes, other: bytes) -> None:
    assert (_tag_of(one) == _tag_of(other)) == (one == other)
