from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.payments.domain.processing import DisputeNews, OperationNews, Result, ResultStatus
from apps.payments.processors.configuration import ProcessorKind
from apps.payments.processors.port import MalformedWebhookError, Processor, SignatureError
from apps.payments.processors.sandbox import SandboxProcessor
from apps.payments.processors.stripe import StripeProcessor
from apps.payments.tests.processors import signing
from apps.payments.tests.processors.local_servers import settings_for
from apps.payments.tests.processors.signing import Headers
from contracts.ids import new_id

OTHER_SECRET = "whsec_c29tZWJvZHktZWxzZXMtc2VjcmV0LW9mLXdlYmhvb2tz"
NOWHERE = "http://127.0.0.1:9"
Sign = Callable[..., Headers]


class Scheme:
    """A processor, and how it signs."""

    def __init__(self, processor: Processor, sign: Sign, body: bytes) -> None:
        self.processor, self.sign, self.body = processor, sign, body


def scheme_of(kind: str) -> Scheme:
    if kind == "sandbox":
        body = signing.sandbox_body({"operation": signing.operation_said()})
        return Scheme(SandboxProcessor(settings_for(NOWHERE)), signing.sandbox_headers, body)
    settings = settings_for(NOWHERE, "stripe", kind=ProcessorKind.STRIPE, webhook_secret=signing.STRIPE_SECRET)
    said = {"object": "payment_intent", "id": "pi_1", "status": "succeeded", "metadata": {}}
    return Scheme(StripeProcessor(settings), signing.stripe_headers, signing.stripe_body(said))


@pytest.fixture(params=["sandbox", "stripe"])
async def scheme(request: pytest.FixtureRequest) -> AsyncIterator[Scheme]:
    scheme = scheme_of(request.param)
    yield scheme
    await scheme.processor.close()


def refused(scheme: Scheme, headers: Headers, body: bytes) -> None:
    with pytest.raises(SignatureError):
        scheme.processor.event_of(headers, body)


def test_a_signed_webhook_is_read(scheme: Scheme) -> None:
    assert scheme.processor.event_of(scheme.sign(scheme.body), scheme.body).event_id == "evt_1"


def test_another_secret(scheme: Scheme) -> None:
    refused(scheme, scheme.sign(scheme.body, secret=OTHER_SECRET), scheme.body)


def test_another_body(scheme: Scheme) -> None:
    refused(scheme, scheme.sign(scheme.body), scheme.body.replace(b"evt_1", b"evt_2"))
    refused(scheme, scheme.sign(scheme.body), scheme.body + b" ")
    refused(scheme, scheme.sign(scheme.body), b"")


def test_five_minutes(scheme: Scheme) -> None:
    scheme.processor.event_of(scheme.sign(scheme.body, age=timedelta(seconds=295)), scheme.body)
    refused(scheme, scheme.sign(scheme.body, age=timedelta(seconds=305)), scheme.body)


def test_missing_headers(scheme: Scheme) -> None:
    headers = scheme.sign(scheme.body)
    refused(scheme, {}, scheme.body)
    for name in headers:
        refused(scheme, {other: value for other, value in headers.items() if other != name}, scheme.body)
        refused(scheme, headers | {name: ""}, scheme.body)


def test_a_body_that_is_no_text(scheme: Scheme) -> None:
    refused(scheme, scheme.sign(scheme.body), b"\xff\xfe" + scheme.body)


@pytest.mark.parametrize(
    "nonsense",
    [
        "v1",
        "v1,",
        ",",
        "v1,ü",
        "v1,====",
        "v2,AAAA",
        "t=,v1=",
        "t=1e99,v1=0",
        "t=1,v1=ü",
        "=",
        " ",
        "\x00",
        "t=1=2,v1=3=4",
    ],
)
def test_nonsense_for_a_signature(scheme: Scheme, nonsense: str) -> None:
    for name in scheme.sign(scheme.body):
        refused(scheme, scheme.sign(scheme.body) | {name: nonsense}, scheme.body)


SCHEMES = {kind: scheme_of(kind) for kind in ("sandbox", "stripe")}
TEXT = st.text(st.characters(min_codepoint=1, max_codepoint=0x2FF), max_size=80)


@given(st.sampled_from(sorted(SCHEMES)), st.dictionaries(st.integers(0, 2), TEXT), st.binary(max_size=60))
def test_whatever_a_stranger_sends_is_refused(kind: str, told: dict[int, str], body: bytes) -> None:
    scheme = SCHEMES[kind]
    headers = scheme.sign(scheme.body)
    names = sorted(headers)
    changed = {names[n]: text for n, text in told.items() if n < len(names)}
    if changed.items() <= headers.items() and body == scheme.body:
        return
    refused(scheme, headers | changed, body)


def test_only_a_future_of_minutes_is_borne() -> None:
    scheme = SCHEMES["sandbox"]
    refused(scheme, scheme.sign(scheme.body, age=-timedelta(minutes=6)), scheme.body)


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"[]",
        b"{}",
        signing.sandbox_body({"operation": signing.operation_said("maybe")}),
        signing.sandbox_body({"operation": signing.operation_said(operation="not-an-id")}),
        signing.sandbox_body({"operation": signing.operation_said(id="sbx \x00")}),
        signing.sandbox_body({"operation": signing.operation_said()}, event_id="evt\x00"),
        signing.sandbox_body({"operation": signing.operation_said()}, event_id="e" * 256),
        signing.sandbox_body({"dispute": {"id": "dp_1"}}, kind="dispute.opened"),
    ],
)
def test_signed_nonsense_of_the_sandbox_is_malformed(body: bytes) -> None:
    scheme = SCHEMES["sandbox"]
    with pytest.raises(MalformedWebhookError) as raised:
        scheme.processor.event_of(scheme.sign(body), body)
    assert "\x00" not in str(raised.value)


@pytest.mark.parametrize("kind", SCHEMES)
def test_a_body_that_is_no_object_at_all_is_named_as_the_body(kind: str) -> None:
    scheme = SCHEMES[kind]
    with pytest.raises(MalformedWebhookError, match=r": body$"):
        scheme.processor.event_of(scheme.sign(b"[]"), b"[]")


@pytest.mark.parametrize("body", [b"not json", b"{}", signing.stripe_body({"object": "refund"}, "refund.updated")])
def test_signed_nonsense_of_stripe_is_malformed(body: bytes) -> None:
    scheme = SCHEMES["stripe"]
    with pytest.raises(MalformedWebhookError):
        scheme.processor.event_of(scheme.sign(body), body)


def news_of(kind: str, body: bytes) -> OperationNews | DisputeNews | None:
    scheme = SCHEMES[kind]
    return scheme.processor.event_of(scheme.sign(body), body).news


def test_the_sandbox_tells_of_operations_and_disputes() -> None:
    operation = new_id()
    declined = signing.operation_said("declined", operation, decline_code="lost_card")
    news = news_of("sandbox", signing.sandbox_body({"operation": declined}))
    assert isinstance(news, OperationNews)
    assert (news.operation_id, news.reference, news.result.status) == (operation, "sbx_1", ResultStatus.DECLINED)
    assert news.result.problem
    assert news.result.problem.code == "lost_card"
    dispute = {
        "id": "dp_1",
        "parent": "sbx_1",
        "amount": 1250,
        "currency": "EUR",
        "reason": "fraudulent",
        "status": "needs_response",
        "evidence_due_by": "2026-12-01T00:00:00Z",
    }
    told = news_of("sandbox", signing.sandbox_body({"dispute": dispute}, kind="dispute.opened"))
    due = datetime(2026, 12, 1, tzinfo=UTC)
    assert told == DisputeNews("dp_1", "sbx_1", 1250, "EUR", "fraudulent", "needs_response", due)
    assert news_of("sandbox", signing.sandbox_body({}, kind="account.updated")) is None


OPERATION, CAPTURE = new_id(), new_id()
OURS = {"ledgerlink_operation": str(OPERATION)}
CAPTURED = OURS | {"ledgerlink_capture": str(CAPTURE)}


def intent(status: str, metadata: dict[str, str] | None = None, **others: Any) -> dict[str, Any]:
    return {
        "object": "payment_intent",
        "id": "pi_1",
        "status": status,
        "metadata": OURS if metadata is None else metadata,
    } | others


def thing(kind: str, status: str, **others: Any) -> dict[str, Any]:
    return {"object": kind, "id": "re_1", "status": status, "metadata": OURS} | others


APPROVED, PENDING, DECLINED = ResultStatus.APPROVED, ResultStatus.PENDING, ResultStatus.DECLINED
REDIRECT = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example/3ds"}}


@pytest.mark.parametrize(
    ("said", "operation", "status"),
    [
        (intent("succeeded"), OPERATION, APPROVED),
        (intent("processing"), OPERATION, PENDING),
        (intent("requires_action", next_action=REDIRECT), OPERATION, ResultStatus.REQUIRES_ACTION),
        (intent("requires_payment_method", last_payment_error={"code": "card_declined"}), OPERATION, DECLINED),
        (intent("canceled"), OPERATION, DECLINED),
        (intent("requires_capture", capture_method="manual"), OPERATION, APPROVED),
        (intent("requires_capture", CAPTURED, capture_method="manual"), CAPTURE, APPROVED),
        (intent("succeeded", CAPTURED, capture_method="manual"), CAPTURE, APPROVED),
        (thing("refund", "succeeded"), OPERATION, APPROVED),
        (thing("refund", "pending"), OPERATION, PENDING),
        (thing("refund", "failed", failure_reason="lost_or_stolen_card"), OPERATION, DECLINED),
        (thing("payout", "in_transit"), OPERATION, PENDING),
        (thing("payout", "paid"), OPERATION, APPROVED),
        (thing("payout", "failed", failure_code="account_closed"), OPERATION, DECLINED),
        (intent("succeeded", {}), None, None),
        (intent("succeeded", {"ledgerlink_operation": "nonsense"}), None, None),
        (intent("succeeded", capture_method="manual"), None, None),
        (thing("refund", "succeeded", metadata={}), None, None),
        ({"object": "customer", "id": "cus_1"}, None, None),
        ({}, None, None),
    ],
)
def test_stripe_tells_of_operations(said: dict[str, Any], operation: object, status: ResultStatus | None) -> None:
    news = news_of("stripe", signing.stripe_body(said))
    if operation is None:
        assert news is None
        return
    assert isinstance(news, OperationNews)
    assert (news.operation_id, news.reference, news.result.status) == (operation, said["id"], status)
    assert (news.result.problem is not None) == (status is DECLINED)


def test_the_url_to_act_at_is_told() -> None:
    news = news_of("stripe", signing.stripe_body(intent("requires_action", next_action=REDIRECT)))
    assert isinstance(news, OperationNews)
    assert news.result == Result(ResultStatus.REQUIRES_ACTION, "pi_1", action_url="https://bank.example/3ds")


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("needs_response", "needs_response"),
        ("warning_needs_response", "needs_response"),
        ("under_review", "under_review"),
        ("won", "won"),
        ("warning_closed", "won"),
        ("lost", "lost"),
        ("something_new", None),
    ],
)
def test_stripe_tells_of_disputes(status: str, ours: str | None) -> None:
    said = {
        "object": "dispute",
        "id": "dp_1",
        "payment_intent": "pi_1",
        "amount": 500,
        "currency": "isk",
        "reason": "fraudulent",
        "status": status,
        "metadata": {},
        "evidence_details": {"due_by": 1796083200},
    }
    due = datetime(2026, 12, 1, tzinfo=UTC)
    expected = DisputeNews("dp_1", "pi_1", 5, "ISK", "fraudulent", ours, due) if ours else None
    assert news_of("stripe", signing.stripe_body(said, "charge.dispute.created")) == expected
