"""Card numbers are refused wherever they are written, before anything is done; what only looks alike is not."""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.ids import new_id
from contracts.money import MAX_AMOUNT
from gateway.card_numbers import has_card_number, refuse_card_numbers
from gateway.problems import ProblemError
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import ScriptedServices

PUBLIC_TEST_NUMBERS = [
    "4242424242424242",
    "4000056655665556",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "6011111111111117",
    "3056930009020004",
    "36227206271667",
    "3566002020360505",
    "6200000000000005",
    "6759649826438453",
]


def _with_check_digit(body: str) -> str:
    """Add the digit that makes it right, reckoned as ISO/IEC 7812-1 annex B writes it."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


BODIES = st.from_regex("[2345 69]".replace(" ", "") + "[0-9]{10,17}", fullmatch=True)


@pytest.mark.parametrize("number", PUBLIC_TEST_NUMBERS)
def test_numbers_of_every_scheme_are_found(number: str) -> None:
    assert has_card_number(number)


@given(
    BODIES, st.sampled_from(["", " ", "-"]), st.sampled_from(["{}", "pay {} now", "tok_{}", "card:{}.", "exp 12 {} 34"])
)
def test_a_number_is_found_however_it_is_written(body: str, separator: str, around: str) -> None:
    number = _with_check_digit(body)
    groups = [number[i : i + 4] for i in range(0, len(number), 4)]
    if len(groups[-1]) < 3:  # nobody prints a group of one or two digits
        groups[-2:] = [groups[-2] + groups[-1]]
    assert has_card_number(around.format(separator.join(groups)))


@pytest.mark.parametrize(
    "written",
    [
        "4242\u00a04242\u00a04242\u00a04242",
        "4242\u202f4242\u202f4242\u202f4242",
        "4242\u20114242\u20114242\u20114242",
        "\uff14\uff12" * 8,
        "\u0664\u0662" * 8,
        "\u0664\u0662\u0664\u0662 4242\u30004242 \uff14\uff12\uff14\uff12",
    ],
)
def test_a_number_is_found_in_all_digits_and_spaces_that_unicode_has(written: str) -> None:
    assert has_card_number(f"card {written} thanks")


@given(BODIES, st.integers(1, 9))
def test_one_wrong_digit_makes_it_no_number(body: str, wrong: int) -> None:
    number = _with_check_digit(body)
    assert not has_card_number(number[:-1] + str((int(number[-1]) + wrong) % 10))


@given(st.uuids(), st.integers(0, 2**48 - 1))
def test_ids_are_no_numbers(one: UUID, digits: int) -> None:
    decimal = UUID(f"01990000-1111-7222-8333-{digits % 10**12:012}")
    assert not has_card_number(f"{one} {decimal}")


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-05T09:32:00.012000Z",
        "1767605520000",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "Order 4711, 2 coffees",
        "4242 4242",
        "42424242424242424242",
        "4242\n4242\n4242\n4242",
        "",
    ],
)
def test_what_only_looks_alike_is_taken(text: str) -> None:
    assert not has_card_number(text)


def _hidden(number: str) -> Iterator[Any]:
    yield {"description": number}
    yield {number: "x"}
    yield {"metadata": {"order": f"4711 {number}"}}
    yield {"a": [{"b": [number]}]}
    yield {"number": int(number)}
    yield [number]
    yield number


@pytest.mark.parametrize("body", [*_hidden("4242424242424242")])
def test_it_is_found_anywhere_in_a_body(body: Any) -> None:
    with pytest.raises(ProblemError, match="card number"):
        refuse_card_numbers(body)


@given(st.integers(0, MAX_AMOUNT))
def test_amounts_are_no_numbers(amount: int) -> None:
    refuse_card_numbers({"amount": amount})


LONG = ["000 ", "424 ", "4", "4-", "4a", "f", "42 ", "4444 ", "4242424242424243 ", "01990000-1111-7222-8333-"]
LONG += ["\u0664", "\u0664\u0662\u0664\u0662\u00a0", "\u00a0"]


@pytest.mark.parametrize("unit", LONG)
def test_looking_takes_no_longer_than_the_body_is_long(unit: str) -> None:
    text = unit * (60_000 // len(unit))
    started = time.process_time()
    for body in (text, text + "z", [unit] * 10_000, {text: text}):
        with suppress(ProblemError):
            refuse_card_numbers(body)
    assert time.process_time() - started < 3


def test_more_numbers_than_anybody_sends_are_refused_unseen() -> None:
    wrong = "4242424242424243"
    refuse_card_numbers({"evidence": " / ".join([wrong] * 1000)})
    with pytest.raises(ProblemError):
        refuse_card_numbers({"evidence": " / ".join([wrong] * 1001)})


CARD = "4242 4242 4242 4242"
ROUTES = [
    ("POST", "/v1/payment_intents", {"payment_method": {"type": "card", "token": "tok_4242424242424242"}}),
    ("POST", "/v1/payment_intents", {"payment_method": {"type": "card", "number": CARD, "cvc": "123"}}),
    ("POST", f"/v1/payment_intents/{new_id()}", {"description": CARD}),
    ("POST", f"/v1/payment_intents/{new_id()}/confirm", {"return_url": "https://shop.example/?card=4242424242424242"}),
    ("POST", f"/v1/payment_intents/{new_id()}/capture", {"note": CARD}),
    ("POST", f"/v1/payment_intents/{new_id()}/cancel", {"cancellation_reason": CARD}),
    ("POST", "/v1/refunds", {"metadata": {"card": CARD}}),
    ("POST", f"/v1/disputes/{new_id()}/evidence", {"evidence": {"receipt": f"paid with {CARD}"}}),
    ("POST", f"/v1/reviews/{new_id()}/decision", {"outcome": "approve", "note": CARD}),
    ("POST", f"/v1/processor_operations/{new_id()}/settlement", {"outcome": "succeeded", "note": CARD}),
    ("POST", "/v1/webhook_endpoints", {"url": "https://shop.example/4242424242424242", "events": ["*"]}),
    ("PATCH", f"/v1/webhook_endpoints/{new_id()}", {"description": CARD}),
]


async def test_every_payment_route_refuses_card_numbers_and_tells_nobody(
    gateway: Gateway, services: ScriptedServices
) -> None:
    headers = services.signer.operator() | {"Idempotency-Key": "key-1"}
    before = len(services.heard)
    for method, path, body in ROUTES:
        answer = await gateway.http.request(method, path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "card_number_refused"), path
        assert "4242" not in answer.text
    assert len(services.heard) == before
