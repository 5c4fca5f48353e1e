import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from apps.payments.domain.processing import Call, Result, ResultStatus, Verb
from apps.payments.processors.configuration import ProcessorKind
from apps.payments.processors.stripe import StripeProcessor
from apps.payments.tests.processors.local_servers import (
    Speak,
    answering,
    free_port,
    http_answer,
    serving,
    settings_for,
    silent,
    speaking,
)
from apps.payments.tests.processors.stripe_like import KEY, StripeLike
from contracts.ids import first_id_of, made_at, new_id

VISA = "pm_card_visa"


def approved(reference: str, amount: int = 1250, currency: str = "EUR") -> Result:
    return Result(ResultStatus.APPROVED, reference, amount=amount, currency=currency)


def adapter(url: str, timeout: float = 2.0) -> StripeProcessor:
    return StripeProcessor(settings_for(url, "stripe", kind=ProcessorKind.STRIPE, api_key=KEY, timeout_seconds=timeout))


@pytest.fixture
def stripe_like() -> StripeLike:
    return StripeLike()


@pytest.fixture
async def processor(stripe_like: StripeLike) -> AsyncIterator[StripeProcessor]:
    async with serving(stripe_like.application()) as url:
        processor = adapter(url)
        yield processor
        await processor.close()


def call(verb: Verb = Verb.CHARGE, token: str = VISA, amount: int = 1250, **others: Any) -> Call:
    method = {"type": "card", "token": token} if verb in {Verb.CHARGE, Verb.AUTHORISE} else {}
    return Call(new_id(), verb, amount, **{"currency": "EUR", "method": method, **others})


def payout(token: str = "ba_1", **others: Any) -> Call:  # noqa: S107 - a token is no password
    return call(Verb.PAYOUT, method={"type": "bank", "token": token}, **others)


async def authorised(processor: StripeProcessor) -> str:
    result = await processor.execute(call(Verb.AUTHORISE))
    assert result.reference
    return result.reference


async def test_a_charge_is_a_confirmed_payment_intent(processor: StripeProcessor, stripe_like: StripeLike) -> None:
    asked = call(
        statement_descriptor="LEDGERLINK SHOP",
        return_url="https://shop.example/back",
        metadata={"payment_intent": "0190"},
    )
    assert await processor.execute(asked) == approved("pi_1")
    assert stripe_like.forms("/v1/payment_intents") == [
        {
            "amount": "1250",
            "currency": "eur",
            "allowed_payment_method_types": ["card"],
            "capture_method": "automatic",
            "confirm": "true",
            "payment_method": VISA,
            "metadata": {"payment_intent": "0190", "ledgerlink_operation": str(asked.operation_id)},
            "return_url": "https://shop.example/back",
            "statement_descriptor_suffix": "LEDGERLINK SHOP",
        }
    ]
    assert stripe_like.keys("/v1/payment_intents") == [str(asked.operation_id)]


async def test_the_same_call_has_one_effect(processor: StripeProcessor, stripe_like: StripeLike) -> None:
    asked = call()
    assert await processor.execute(asked) == await processor.execute(asked)
    assert len(stripe_like.objects) == 1


async def test_a_token_becomes_a_payment_method(processor: StripeProcessor, stripe_like: StripeLike) -> None:
    await processor.execute(call(token="tok_visa"))
    [form] = stripe_like.forms("/v1/payment_intents")
    assert form["payment_method_data"] == {"type": "card", "card": {"token": "tok_visa"}}


async def test_a_bank_debit_is_pending_and_has_a_mandate(processor: StripeProcessor, stripe_like: StripeLike) -> None:
    result = await processor.execute(call(method={"type": "bank", "token": "pm_debit"}))
    assert result == Result(ResultStatus.PENDING, "pi_1")
    [form] = stripe_like.forms("/v1/payment_intents")
    assert form["allowed_payment_method_types"] == ["sepa_debit"]
    assert form["mandate_data"]["customer_acceptance"]["type"] == "offline"


async def test_a_decline_names_the_banks_reason_and_the_object(processor: StripeProcessor) -> None:
    asked = call(token="tok_chargeDeclinedInsufficientFunds")
    for _ in range(2):
        result = await processor.execute(asked)
        assert result.status is ResultStatus.DECLINED
        assert result.reference == "pi_1"
        assert result.problem
        assert result.problem.code == "insufficient_funds"
    assert (await processor.query(asked, None)).status is ResultStatus.DECLINED


async def test_the_customer_may_have_to_act(processor: StripeProcessor) -> None:
    result = await processor.execute(call(token="pm_card_authenticationRequired"))
    assert result == Result(ResultStatus.REQUIRES_ACTION, "pi_1", action_url="https://bank.example/3ds")


@pytest.mark.parametrize(("currency", "amount", "sent"), [("JPY", 500, 500), ("ISK", 5, 500), ("MGA", 700, 7)])
async def test_amounts_are_in_stripes_unit(
    processor: StripeProcessor, stripe_like: StripeLike, currency: str, amount: int, sent: int
) -> None:
    for verb in (Verb.CHARGE, Verb.AUTHORISE):
        said = await processor.execute(call(verb, amount=amount, currency=currency))
        assert said == approved(str(said.reference), amount, currency)
    assert [form["amount"] for form in stripe_like.forms("/v1/payment_intents")] == [str(sent)] * 2
    refund = await processor.execute(call(Verb.REFUND, amount=amount, currency=currency, parent="pi_1"))
    assert refund == approved(str(refund.reference), amount, currency)


async def test_what_stripe_approves_is_told_as_it_says(processor: StripeProcessor, stripe_like: StripeLike) -> None:
    asked = call()
    await processor.execute(asked)
    stripe_like.objects["pi_1"] |= {"amount_received": 999_999, "currency": "usd"}
    assert await processor.query(asked, "pi_1") == approved("pi_1", 999_999, "USD")


async def test_what_stripe_cannot_move_is_declined_unasked(processor: StripeProcessor, stripe_like: StripeLike) -> None:
    for asked, code in [
        (call(amount=701, currency="MGA"), "amount_not_possible"),
        (Call(new_id(), Verb.PAYOUT, 701, "MGA", {"type": "bank", "token": "ba_1"}), "amount_not_possible"),
        (call(currency="CHF", method={"type": "bank", "token": "pm_x"}), "payment_method_not_possible"),
    ]:
        result = await processor.execute(asked)
        assert result.status is ResultStatus.DECLINED
        assert result.problem
        assert result.problem.code == code
    assert stripe_like.asked == []


async def test_captures_in_parts(processor: StripeProcessor, stripe_like: StripeLike) -> None:
    parent = await authorised(processor)
    first = call(Verb.CAPTURE, amount=500, parent=parent, final=False)
    last = call(Verb.CAPTURE, amount=400, parent=parent)
    assert await processor.query(first, None) == Result(ResultStatus.NOT_FOUND)
    assert await processor.execute(first) == Result(ResultStatus.APPROVED, parent)
    assert await processor.query(first, None) == Result(ResultStatus.APPROVED, parent)
    assert await processor.query(last, None) == Result(ResultStatus.NOT_FOUND)
    assert await processor.execute(last) == Result(ResultStatus.APPROVED, parent)
    assert await processor.execute(last) == Result(ResultStatus.APPROVED, parent)
    assert stripe_like.objects[parent]["amount_received"] == 900
    assert [f["final_capture"] for f in stripe_like.forms(f"/v1/payment_intents/{parent}/capture")][:2] == [
        "false",
        "true",
    ]


async def test_a_capture_of_what_is_gone_is_declined(processor: StripeProcessor, stripe_like: StripeLike) -> None:
    parent = await authorised(processor)
    stripe_like.objects[parent]["status"] = "canceled"
    asked = call(Verb.CAPTURE, parent=parent)
    result = await processor.execute(asked)
    assert result.status is ResultStatus.DECLINED
    assert result.problem
    assert result.problem.code == "payment_intent_unexpected_state"
    assert (await processor.query(asked, None)).status is ResultStatus.DECLINED


@pytest.mark.parametrize("verb", [Verb.AUTHORISE, Verb.CHARGE])
async def test_a_void_takes_nothing(processor: StripeProcessor, stripe_like: StripeLike, verb: Verb) -> None:
    """What is not captured is canceled; a charge that went through meanwhile is given back."""
    parent = (await processor.execute(call(verb))).reference
    assert parent
    void = call(Verb.VOID, parent=parent)
    assert (await processor.query(void, None)).status is ResultStatus.NOT_FOUND
    for _ in range(2):
        assert (await processor.execute(void)).status is ResultStatus.APPROVED
        assert (await processor.query(void, None)).status is ResultStatus.APPROVED
    assert stripe_like.objects[parent]["amount_received"] == 0
    refunds = [o for o in stripe_like.objects.values() if o["object"] == "refund"]
    assert len(refunds) == (verb is Verb.CHARGE)


async def test_a_void_after_the_last_capture_leaves_what_was_captured(
    processor: StripeProcessor, stripe_like: StripeLike
) -> None:
    parent = await authorised(processor)
    await processor.execute(call(Verb.CAPTURE, amount=500, parent=parent))
    assert (await processor.execute(call(Verb.VOID, parent=parent))).status is ResultStatus.APPROVED
    assert stripe_like.objects[parent]["amount_received"] == 500


async def test_a_void_of_what_is_processing_waits(processor: StripeProcessor, stripe_like: StripeLike) -> None:
    parent = (await processor.execute(call(method={"type": "bank", "token": "pm_debit"}))).reference
    assert parent
    void = call(Verb.VOID, parent=parent)
    # Without a name of its own, so that it is tried again once it can be: a named one is only asked about.
    assert await processor.execute(void) == Result(ResultStatus.PENDING)
    stripe_like.objects[parent]["status"] = "succeeded"
    assert (await processor.query(void, None)).status is ResultStatus.NOT_FOUND
    assert (await processor.execute(void)).status is ResultStatus.APPROVED
    assert stripe_like.objects[parent]["amount_received"] == 0


async def test_refunds_are_found_again(processor: StripeProcessor) -> None:
    parent = (await processor.execute(call())).reference
    refund, other = call(Verb.REFUND, amount=400, parent=parent), call(Verb.REFUND, amount=300, parent=parent)
    assert await processor.query(refund, None) == Result(ResultStatus.NOT_FOUND)
    first = await processor.execute(refund)
    assert first.status is ResultStatus.APPROVED
    assert await processor.execute(refund) == first
    assert await processor.query(refund, None) == first
    assert await processor.query(other, None) == Result(ResultStatus.NOT_FOUND)
    too_much = await processor.execute(call(Verb.REFUND, amount=1000, parent=parent))
    assert too_much.status is ResultStatus.DECLINED


async def test_payouts_are_pending_until_paid(processor: StripeProcessor, stripe_like: StripeLike) -> None:
    asked = payout(statement_descriptor="LEDGERLINK")
    assert await processor.query(asked, None) == Result(ResultStatus.NOT_FOUND)
    assert await processor.execute(asked) == Result(ResultStatus.PENDING, "po_1")
    stripe_like.objects["po_1"]["status"] = "paid"
    assert await processor.query(asked, "po_1") == approved("po_1")
    assert await processor.query(asked, None) == approved("po_1")
    stripe_like.objects["po_1"] |= {"status": "failed", "failure_code": "account_closed"}
    failed = await processor.query(asked, "po_1")
    assert failed.problem
    assert failed.problem.code == "account_closed"
    assert (await processor.execute(payout("ba_closed"))).status is ResultStatus.DECLINED


async def test_evidence_goes_into_stripes_fields(processor: StripeProcessor, stripe_like: StripeLike) -> None:
    dispute = stripe_like.new(
        "dispute", "dp", amount=100, currency="eur", status="needs_response", payment_intent="pi_1", metadata={}
    )["id"]
    evidence = {"shipping_tracking_number": "1Z999", "photo_of_the_door": "https://shop.example/1.jpg"}
    asked = call(Verb.EVIDENCE, parent=dispute, evidence=evidence)
    assert await processor.query(asked, None) == Result(ResultStatus.NOT_FOUND)
    assert await processor.execute(asked) == Result(ResultStatus.APPROVED, dispute)
    assert await processor.query(asked, None) == Result(ResultStatus.APPROVED, dispute)
    [form] = stripe_like.forms(f"/v1/disputes/{dispute}")
    assert form["evidence"] == {
        "shipping_tracking_number": "1Z999",
        "uncategorized_text": "photo_of_the_door: https://shop.example/1.jpg",
    }


async def test_an_unanswered_charge_is_found_in_the_list(processor: StripeProcessor, stripe_like: StripeLike) -> None:
    asked = call()
    await processor.execute(asked)
    for _ in range(250):  # others, newer, so that it is on the third page
        stripe_like.new("payment_intent", "pi", status="succeeded", metadata={}, currency="eur")
    assert await processor.query(asked, None) == approved("pi_1")
    assert await processor.query(asked, "pi_1") == approved("pi_1")
    assert await processor.query(call(), None) == Result(ResultStatus.NOT_FOUND)


async def test_a_list_too_long_to_be_read_says_nothing(processor: StripeProcessor, stripe_like: StripeLike) -> None:
    for _ in range(1001):
        stripe_like.new("payout", "po", status="paid", metadata={})
    assert await processor.query(payout(), None) == Result(ResultStatus.UNKNOWN)


async def test_an_old_charge_is_searched_for(processor: StripeProcessor, stripe_like: StripeLike) -> None:
    old = _hours_ago(2)
    asked = Call(old, Verb.CHARGE, 1250, "EUR", {"type": "card", "token": VISA})
    assert await processor.query(asked, None) == Result(ResultStatus.NOT_FOUND)
    await processor.execute(asked)
    assert await processor.query(asked, None) == approved("pi_1")
    assert {path for method, path, _, _ in stripe_like.asked if method == "GET"} == {"/v1/payment_intents/search"}


def _hours_ago(hours: float) -> UUID:
    return first_id_of(made_at(new_id()) - timedelta(hours=hours))


def _trouble(status: int, kind: str = "api_error") -> Response:
    return JSONResponse({"error": {"type": kind, "message": "no"}}, status)


@pytest.mark.parametrize(
    ("answer", "executed"),
    [
        (_trouble(429), ResultStatus.FAILED),
        (_trouble(401, "authentication_error"), ResultStatus.FAILED),
        (_trouble(403, "invalid_request_error"), ResultStatus.FAILED),
        (_trouble(409, "idempotency_error"), ResultStatus.UNKNOWN),
        (_trouble(500), ResultStatus.UNKNOWN),
        (_trouble(503), ResultStatus.UNKNOWN),
        (_trouble(400, "idempotency_error"), ResultStatus.UNKNOWN),
        (_trouble(400, "invalid_request_error"), ResultStatus.DECLINED),
        (PlainTextResponse("no json"), ResultStatus.UNKNOWN),
        (JSONResponse({"id": 7}), ResultStatus.UNKNOWN),
    ],
)
async def test_errors_say_what_they_say(
    processor: StripeProcessor, stripe_like: StripeLike, answer: Response, executed: ResultStatus
) -> None:
    stripe_like.trouble = lambda: answer
    assert (await processor.execute(call())).status is executed
    assert (await processor.query(call(), "pi_1")).status is ResultStatus.UNKNOWN
    assert len(stripe_like.asked) == 2  # nothing was retried behind our back


async def test_a_void_that_is_refused_is_not_over(processor: StripeProcessor, stripe_like: StripeLike) -> None:
    stripe_like.trouble = lambda: _trouble(400, "invalid_request_error")
    assert await processor.execute(call(Verb.VOID, parent="pi_1")) == Result(ResultStatus.UNKNOWN)


async def test_an_answer_that_does_not_come_is_unknown_until_asked(stripe_like: StripeLike) -> None:
    async with serving(stripe_like.application()) as url:
        processor = adapter(url, timeout=0.5)
        stripe_like.hangs = True
        asked = call()
        started = time.monotonic()
        assert await processor.execute(asked) == Result(ResultStatus.UNKNOWN)
        assert time.monotonic() - started < 10
        stripe_like.hangs = False
        assert await processor.query(asked, None) == approved("pi_1")
        await processor.close()


@pytest.mark.parametrize("speak", [silent, answering(b""), answering(http_answer(200, b"{}"))])
async def test_a_broken_connection_is_unknown(speak: Speak) -> None:
    async with speaking(speak) as url:
        processor = adapter(url, timeout=0.5)
        assert await processor.execute(call()) == Result(ResultStatus.UNKNOWN)
        assert await processor.query(call(), "pi_1") == Result(ResultStatus.UNKNOWN)
        await processor.close()


async def test_nobody_there_is_certainly_not_done() -> None:
    processor = adapter(f"http://127.0.0.1:{free_port()}")
    assert (await processor.execute(call())).status is ResultStatus.FAILED
    assert await processor.query(call(), None) == Result(ResultStatus.UNKNOWN)
    await processor.close()
