"""One call, as many requests as it takes: one key, one correlation id, one deadline."""

import httpx
import pytest

from ledgerlink_client import (
    AccessToken,
    DeclinedError,
    NoAnswerError,
    NotYetError,
    Options,
    OutcomeUnknownError,
    RateLimitedError,
    StepUpRequiredError,
    UnexpectedAnswerError,
    wallet,
)
from scripted_api import INTENT, WALLET, Api, problem, recorded, steady

ANN = AccessToken("ann")


async def test_a_key_is_kept_across_everything_that_can_happen_on_the_way() -> None:
    api = Api(
        [
            httpx.ConnectError("refused"),
            httpx.ReadError("lost"),
            problem(503, "outcome_unknown", {"Retry-After": "2"}),
            problem(429, "rate_limited", {"Retry-After": "0.25"}),
            httpx.Response(502, text="<html>bad gateway</html>"),
            problem(409, "idempotency_key_in_progress", {"Retry-After": "1"}),
            httpx.Response(201, json=WALLET, headers={"X-Correlation-Id": "c"}),
        ]
    )
    opened = await api.client(ANN).wallets.open("EUR")
    assert (opened.answer.status, opened.answer.attempts, opened.answer.correlation_id) == (201, 7, "c")
    assert {request.headers["Idempotency-Key"] for request in api.asked} == {opened.answer.idempotency_key}
    assert len({request.headers["X-Correlation-Id"] for request in api.asked}) == 1
    assert len({request.content for request in api.asked}) == 1
    assert api.clock.slept[2] >= 2
    assert api.clock.slept[3] >= 0.25
    assert api.clock.slept[5] >= 1


async def test_each_call_has_a_key_of_its_own_unless_it_is_given_one() -> None:
    api = Api([httpx.Response(201, json=WALLET) for _ in range(3)])
    link = api.client(ANN)
    keys = {(await link.wallets.open("EUR")).answer.idempotency_key for _ in range(2)}
    assert len(keys) == 2
    assert (await link.wallets.open("EUR", options=Options("mine"))).answer.idempotency_key == "mine"


async def test_the_deadline_ends_it_and_says_with_which_key_to_go_on() -> None:
    unknown = [problem(503, "outcome_unknown", {"Retry-After": "2"}) for _ in range(40)]
    api = Api([*unknown])
    with pytest.raises(OutcomeUnknownError) as raised:
        await api.client(ANN, steady(deadline=15.0)).wallets.open("EUR", options=Options("mine"))
    assert raised.value.idempotency_key == "mine"
    assert api.clock.now < 15
    silent = Api([httpx.ReadTimeout("silence") for _ in range(40)])
    with pytest.raises(NoAnswerError) as given_up:
        await silent.client(ANN, steady(attempts=4)).wallets.open("EUR", options=Options("mine"))
    assert given_up.value.idempotency_key == "mine"
    assert isinstance(given_up.value.__cause__, httpx.ReadTimeout)
    assert len(silent.asked) == 4


async def test_what_asks_for_more_patience_than_there_is_ends_at_once() -> None:
    api = Api([problem(429, "too_many_attempts", {"Retry-After": "900"})])
    with pytest.raises(RateLimitedError):
        await api.client(ANN).wallets.open("EUR")
    assert api.clock.slept == []


async def test_a_202_is_followed_to_its_end() -> None:
    location = f"/v1/wallets/{WALLET['id']}"
    in_progress = problem(409, "idempotency_key_in_progress", {"Retry-After": "1"})
    api = Api([recorded(location), in_progress, httpx.Response(201, json=WALLET)])
    assert (await api.client(ANN).wallets.open("EUR")).answer.status == 201
    assert len({request.headers["Idempotency-Key"] for request in api.asked}) == 1


async def test_an_operation_is_followed_and_then_the_outcome_asked_for() -> None:
    location = "/v1/operations/op_1"
    processing = httpx.Response(200, json={"id": "op_1", "status": "processing"}, headers={"Retry-After": "1"})
    declined = problem(402, "insufficient_funds", payment_intent=INTENT)
    failed = httpx.Response(200, json={"id": "op_1", "status": "failed"})
    api = Api([recorded(location), processing, httpx.ReadError("lost"), processing, failed, declined])
    with pytest.raises(DeclinedError):
        await api.client(ANN).payment_intents.confirm(INTENT["id"])
    confirm = f"/v1/payment_intents/{INTENT['id']}/confirm"
    assert [request.url.path for request in api.asked] == [confirm, *[location] * 4, confirm]
    assert api.asked[0].headers["Idempotency-Key"] == api.asked[-1].headers["Idempotency-Key"]


async def test_what_is_not_done_at_the_deadline_is_what_was_recorded() -> None:
    location = "/v1/operations/op_1"
    processing = [httpx.Response(200, json={"id": "op_1", "status": "processing"}) for _ in range(200)]
    api = Api([recorded(location), *processing])
    with pytest.raises(NotYetError) as raised:
        await api.client(ANN, steady(deadline=10.0)).wallets.open("EUR")
    assert raised.value.location == location
    assert raised.value.idempotency_key == api.asked[0].headers["Idempotency-Key"]


async def test_a_202_that_nobody_waits_for_is_an_answer() -> None:
    location = f"/v1/wallets/{WALLET['id']}"
    api = Api([recorded(location), httpx.Response(202, json=INTENT | {"status": "processing"})])
    link, options = api.client(ANN), Options(respond_async=True)
    with pytest.raises(NotYetError) as raised:
        await link.wallets.open("EUR", options=options)
    assert (raised.value.id, raised.value.location) == (WALLET["id"], location)
    intent = await link.payment_intents.create(amount=1, currency="EUR", payment_method=wallet("w"), options=options)
    assert (intent.answer.status, intent.status) == (202, "processing")
    assert {request.headers["Prefer"] for request in api.asked} == {"respond-async"}


async def test_a_decline_has_its_payment_and_is_not_tried_again() -> None:
    declined = INTENT | {"status": "requires_payment_method"}
    api = Api([problem(402, "insufficient_funds", payment_intent=declined, correlation_id="c")])
    with pytest.raises(DeclinedError) as raised:
        await api.client(ANN).payment_intents.confirm(INTENT["id"])
    assert raised.value.payment_intent is not None
    assert raised.value.payment_intent.status == "requires_payment_method"
    assert (raised.value.code, raised.value.correlation_id) == ("insufficient_funds", "c")


async def test_what_has_no_key_is_not_repeated_when_it_may_have_happened() -> None:
    lost = Api([httpx.ReadError("lost")])
    with pytest.raises(NoAnswerError):
        await lost.client(ANN).webhook_endpoints.create("https://shop.example", ["*"])
    unknown = Api([problem(503, "outcome_unknown")])
    with pytest.raises(OutcomeUnknownError):
        await unknown.client(ANN).webhook_endpoints.create("https://shop.example", ["*"])


async def test_what_never_left_is_repeated_even_without_a_key() -> None:
    endpoint = {
        "id": WALLET["id"],
        "url": "https://shop.example",
        "events": ["*"],
        "status": "enabled",
        "secret": "whsec_x",
        "created_at": WALLET["created_at"],
        "updated_at": WALLET["created_at"],
    }
    api = Api([httpx.ConnectError("refused"), problem(503, "overloaded"), httpx.Response(201, json=endpoint)])
    made = await api.client(ANN).webhook_endpoints.create("https://shop.example", ["*"])
    assert made.secret == "whsec_x"
    assert "whsec_x" not in repr(made)
    assert "Idempotency-Key" not in api.asked[0].headers


async def test_newer_members_and_values_are_no_error() -> None:
    api = Api([httpx.Response(200, json=WALLET)])
    assert (await api.client(ANN).wallets.get(WALLET["id"])).frozen == "sideways"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>hello</html>"),
        httpx.Response(200, json={"id": "x"}),
        httpx.Response(302, headers={"Location": "http://elsewhere.example"}),
    ],
)
async def test_what_is_not_this_api_is_told_from_it(answer: httpx.Response) -> None:
    api = Api([answer])
    with pytest.raises(UnexpectedAnswerError):
        await api.client(ANN).wallets.get(WALLET["id"])
    assert len(api.asked) == 1


async def test_a_token_that_does_not_suffice_is_not_renewed() -> None:
    api = Api([problem(401, "insufficient_user_authentication")])
    with pytest.raises(StepUpRequiredError):
        await api.client(ANN).api_keys.create("shop", ["wallets"])


async def test_lists_are_read_page_by_page_until_next_is_null() -> None:
    api = Api(
        [
            httpx.Response(200, json={"payment_intents": [INTENT], "next_before": "a"}),
            httpx.Response(200, json={"payment_intents": [], "next_before": "b"}),
            httpx.Response(200, json={"payment_intents": [INTENT, INTENT], "next_before": None}),
        ]
    )
    found = await api.client(ANN).payment_intents.list(metadata={"order": "4711"}, limit=2).all()
    assert [intent.amount for intent in found] == [1250] * 3
    assert [dict(request.url.params) for request in api.asked] == [
        {"metadata[order]": "4711", "limit": "2"},
        {"metadata[order]": "4711", "limit": "2", "before": "a"},
        {"metadata[order]": "4711", "limit": "2", "before": "b"},
    ]
