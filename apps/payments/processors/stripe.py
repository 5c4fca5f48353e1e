"""Stripe, through its own library: PaymentIntents, refunds, payouts, and evidence in disputes."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from itertools import count
from typing import Any

import httpx
import stripe
import structlog
from pydantic import ValidationError
from stripe.params import (
    DisputeUpdateParams,
    DisputeUpdateParamsEvidence,
    PaymentIntentCreateParams,
    PayoutCreateParams,
)

from apps.payments.domain.processing import Call, ProcessorEvent, Result, ResultStatus, Verb
from apps.payments.processors.configuration import ProcessorSettings
from apps.payments.processors.declines import PROCESSOR_REFUSED, PROCESSOR_UNAVAILABLE, decline
from apps.payments.processors.port import TOLERANCE_SECONDS, MalformedWebhookError, SignatureError
from apps.payments.processors.stripe_words import (
    CAPTURE,
    OPERATION,
    DisputeSaid,
    EventSaid,
    PaymentIntentSaid,
    PayoutSaid,
    RefundSaid,
    amount_for,
    method_type_for,
)
from contracts.ids import made_at_seconds

_LOG = structlog.get_logger()
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_PAGE = 100
_PAGES = 10
_SEARCHABLE_SECONDS = 3600.0
"""A new object may be missing from search, as a rule for less than a minute; until then the list is read."""
_CLOCK_SKEW_SECONDS = 300.0
_UNKNOWN = Result(ResultStatus.UNKNOWN)
_NOT_FOUND = Result(ResultStatus.NOT_FOUND)
_EVIDENCE = frozenset(DisputeUpdateParamsEvidence.__annotations__) - {"enhanced_evidence", "appeal"}


class StripeProcessor:
    """One Stripe account. Every object says in its metadata which operation made it, so that it can be found again."""

    def __init__(self, settings: ProcessorSettings) -> None:
        self.name = settings.name
        self._timeout = settings.timeout_seconds
        self._secret = settings.webhook_secret.get_secret_value()
        self._http = stripe.HTTPXClient(timeout=httpx.Timeout(self._timeout, connect=self._timeout / 2))
        client = stripe.StripeClient(
            settings.api_key.get_secret_value(),
            base_addresses={"api": settings.url.rstrip("/")},
            http_client=self._http,
            max_network_retries=0,  # our own worker retries, and asks first
        )
        self._intents, self._refunds = client.v1.payment_intents, client.v1.refunds
        self._payouts, self._disputes = client.v1.payouts, client.v1.disputes
        self._execute: Mapping[Verb, Callable[[Call], Awaitable[Result]]] = {
            Verb.CHARGE: self._charge,
            Verb.AUTHORISE: self._charge,
            Verb.CAPTURE: self._capture,
            Verb.VOID: self._void,
            Verb.REFUND: self._refund,
            Verb.PAYOUT: self._payout,
            Verb.EVIDENCE: self._submit_evidence,
        }

    async def execute(self, call: Call) -> Result:
        """Send the operation, under its id as the idempotency key."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._execute[call.verb](call)
        except (TimeoutError, ValidationError):
            return _UNKNOWN
        except stripe.StripeError as error:
            return self._trouble(call, error)

    async def query(self, call: Call, reference: str | None) -> Result:
        """Ask for the object by its reference, or look for the one whose metadata names the operation."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._query(call, reference)
        except (TimeoutError, ValidationError):
            return _UNKNOWN
        except stripe.StripeError as error:
            _LOG.warning("could not ask", processor=self.name, code=error.code, status=error.http_status)
            return _UNKNOWN

    def event_of(self, headers: Mapping[str, str], body: bytes) -> ProcessorEvent:
        """Verify `Stripe-Signature`, which is compared in constant time and may be five minutes old."""
        try:
            stripe.WebhookSignature.verify_header(
                body, headers.get("stripe-signature"), self._secret, TOLERANCE_SECONDS
            )
        # The last two: what the library lets out of a signature or body that it cannot even read.
        except (stripe.SignatureVerificationError, ValueError, TypeError) as error:
            raise SignatureError("not signed by this processor, or too long ago") from error
        try:
            event = EventSaid.model_validate_json(body)
            return ProcessorEvent(event.id, event.type, event.news())
        except ValidationError as error:
            places = sorted({".".join(map(str, e["loc"])) or "body" for e in error.errors(include_input=False)})
            raise MalformedWebhookError(f"not an event of this processor: {', '.join(places)}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def _charge(self, call: Call) -> Result:
        amount, kind = amount_for(call.amount, call.currency), method_type_for(call.method["type"], call.currency)
        if amount is None:
            return Result(ResultStatus.DECLINED, problem=decline("amount_not_possible"))
        if kind is None:
            return Result(ResultStatus.DECLINED, problem=decline("payment_method_not_possible"))
        asked: PaymentIntentCreateParams = {
            "amount": amount,
            "currency": call.currency.lower(),
            "allowed_payment_method_types": [kind],
            "capture_method": "manual" if call.verb is Verb.AUTHORISE else "automatic",
            "confirm": True,
            "metadata": _metadata(call),
        }
        asked.update(_method(call.method["token"], kind))
        if call.return_url:
            asked["return_url"] = call.return_url
        if call.statement_descriptor:
            card = kind == "card"
            asked["statement_descriptor_suffix" if card else "statement_descriptor"] = call.statement_descriptor
        return _payment(await self._intents.create_async(asked, _under(call))).result()

    async def _capture(self, call: Call) -> Result:
        said = await self._intents.capture_async(
            _parent(call),
            {
                "amount_to_capture": _amount(call),
                "final_capture": call.final,
                "metadata": {CAPTURE: str(call.operation_id)},
            },
            _under(call),
        )
        return _payment(said).capture_result(call.operation_id)

    async def _void(self, call: Call) -> Result:
        """Cancel what is not captured; a charge that went through meanwhile is given back.

        What is not over has no name of its own yet, by which it could be asked about instead of tried again.
        """
        parent = _payment(await self._intents.retrieve_async(_parent(call)))
        match parent.status:
            case "canceled":
                return Result(ResultStatus.APPROVED, parent.id)
            case "processing":
                return Result(ResultStatus.PENDING)  # cannot be canceled; how it ends, decides
            case "succeeded" if parent.capture_method == "manual":
                return Result(ResultStatus.APPROVED, parent.id)  # the last capture has released the rest
            case "succeeded":
                return await self._give_back(call, parent.id)
        canceled = _payment(await self._intents.cancel_async(parent.id, {}, _under(call)))
        if canceled.status == "canceled":
            return Result(ResultStatus.APPROVED, canceled.id)
        return Result(ResultStatus.PENDING)

    async def _give_back(self, call: Call, reference: str) -> Result:
        said = await self._refunds.create_async(
            {"payment_intent": reference, "metadata": _metadata(call)},
            {"idempotency_key": f"{call.operation_id}:refund"},
        )
        return RefundSaid.model_validate(said.to_dict()).result()

    async def _refund(self, call: Call) -> Result:
        said = await self._refunds.create_async(
            {"payment_intent": _parent(call), "amount": _amount(call), "metadata": _metadata(call)}, _under(call)
        )
        return RefundSaid.model_validate(said.to_dict()).result()

    async def _payout(self, call: Call) -> Result:
        amount = amount_for(call.amount, call.currency)
        if amount is None:
            return Result(ResultStatus.DECLINED, problem=decline("amount_not_possible"))
        asked: PayoutCreateParams = {
            "amount": amount,
            "currency": call.currency.lower(),
            "destination": call.method["token"],
            "metadata": _metadata(call),
        }
        if call.statement_descriptor:
            asked["statement_descriptor"] = call.statement_descriptor
        return PayoutSaid.model_validate((await self._payouts.create_async(asked, _under(call))).to_dict()).result()

    async def _submit_evidence(self, call: Call) -> Result:
        asked: DisputeUpdateParams = {"evidence": _evidence(call), "submit": True, "metadata": _metadata(call)}
        said = await self._disputes.update_async(_parent(call), asked, _under(call))
        return DisputeSaid.model_validate(said.to_dict()).evidence_result(call.operation_id)

    async def _query(self, call: Call, reference: str | None) -> Result:
        match call.verb:
            case Verb.CAPTURE:
                return _payment(await self._intents.retrieve_async(_parent(call))).capture_result(call.operation_id)
            case Verb.EVIDENCE:
                said = await self._disputes.retrieve_async(_parent(call))
                return DisputeSaid.model_validate(said.to_dict()).evidence_result(call.operation_id)
            case Verb.VOID:
                return await self._query_void(call)
            case Verb.REFUND:
                return await self._find_refund(call)
            case Verb.PAYOUT:
                return await self._query_payout(call, reference)
        return await self._query_payment(call, reference)

    async def _query_payment(self, call: Call, reference: str | None) -> Result:
        if reference:
            return _payment(await self._intents.retrieve_async(reference)).result()
        if time.time() - made_at_seconds(call.operation_id) > _SEARCHABLE_SECONDS:
            query = f"metadata['{OPERATION}']:'{call.operation_id}'"
            found = (await self._intents.search_async({"query": query, "limit": 1})).data
            return _payment(found[0]).result() if found else _NOT_FOUND
        return await _found(call, self._pages(self._intents.list_async, _since(call)), _payment)

    async def _query_payout(self, call: Call, reference: str | None) -> Result:
        if reference:
            return PayoutSaid.model_validate((await self._payouts.retrieve_async(reference)).to_dict()).result()
        pages = self._pages(self._payouts.list_async, _since(call))
        return await _found(call, pages, lambda said: PayoutSaid.model_validate(said.to_dict()))

    async def _query_void(self, call: Call) -> Result:
        parent = _payment(await self._intents.retrieve_async(_parent(call)))
        if parent.status == "canceled":
            return Result(ResultStatus.APPROVED, parent.id)
        return await self._find_refund(call)

    async def _find_refund(self, call: Call) -> Result:
        pages = self._pages(self._refunds.list_async, {"payment_intent": _parent(call)})
        return await _found(call, pages, lambda said: RefundSaid.model_validate(said.to_dict()))

    async def _pages(self, read: Callable[[Any], Awaitable[Any]], asked: Mapping[str, Any]) -> AsyncIterator[Any]:
        """Read a list, newest first, page by page. Raises TimeoutError when it is too long to be read whole."""
        after: dict[str, str] = {}
        for page in count(1):
            listed = await read({**asked, "limit": _PAGE, **after})
            for said in listed.data:
                yield said
            if not listed.has_more or not listed.data:
                return
            if page == _PAGES:
                raise TimeoutError
            after = {"starting_after": listed.data[-1].id}

    def _trouble(self, call: Call, error: stripe.StripeError) -> Result:
        """Return what an error tells: refused for good, certainly not done, or unknown."""
        _LOG.warning(
            "processor error",
            processor=self.name,
            verb=call.verb.value,
            status=error.http_status,
            code=error.code,
            request=error.request_id,
        )
        match error:
            case stripe.CardError():
                return Result(ResultStatus.DECLINED, _intent_in(error), decline(_decline_code(error) or error.code))
            case stripe.InvalidRequestError() if call.verb is Verb.VOID:
                return _UNKNOWN  # it moved on meanwhile: asked again, it is voided another way
            case stripe.InvalidRequestError():
                problem = decline(error.code, otherwise=PROCESSOR_REFUSED.code)
                return Result(ResultStatus.DECLINED, problem=problem)
            case stripe.RateLimitError() | stripe.AuthenticationError() | stripe.PermissionError():
                return Result(ResultStatus.FAILED, problem=PROCESSOR_UNAVAILABLE)
            case stripe.APIConnectionError() if isinstance(error.__cause__, _NOT_SENT):
                return Result(ResultStatus.FAILED, problem=PROCESSOR_UNAVAILABLE)
        return _UNKNOWN


async def _found(call: Call, said: AsyncIterator[Any], read: Callable[[Any], Any]) -> Result:
    async for one in said:
        candidate = read(one)
        if candidate.metadata.operation == call.operation_id:
            result: Result = candidate.result()
            return result
    return _NOT_FOUND


def _payment(said: "stripe.PaymentIntent") -> PaymentIntentSaid:
    return PaymentIntentSaid.model_validate(said.to_dict())


def _under(call: Call) -> stripe.RequestOptions:
    return {"idempotency_key": str(call.operation_id)}


def _metadata(call: Call) -> dict[str, str]:
    return {**call.metadata, OPERATION: str(call.operation_id)}


def _parent(call: Call) -> str:
    """Return what a call is about. Raises ValueError when it is about nothing."""
    if call.parent is None:
        raise ValueError(f"{call.verb} without a parent")
    return call.parent


def _amount(call: Call) -> int:
    """Return an amount of what Stripe has taken already, so that it divides."""
    return amount_for(call.amount, call.currency) or call.amount


def _since(call: Call) -> dict[str, Any]:
    return {"created": {"gte": int(made_at_seconds(call.operation_id) - _CLOCK_SKEW_SECONDS)}}


def _method(token: str, kind: str) -> PaymentIntentCreateParams:
    """Return how it is paid: a PaymentMethod, or an older kind of token, which becomes one."""
    method: PaymentIntentCreateParams = {"payment_method": token}  # type: ignore[typeddict-item]
    if token.startswith("tok_"):
        method = {"payment_method_data": {"type": kind, kind: {"token": token}}}  # type: ignore[typeddict-item,misc]
    if kind != "card":
        method["mandate_data"] = {"customer_acceptance": {"type": "offline", "offline": {}}}
    return method


def _evidence(call: Call) -> DisputeUpdateParamsEvidence:
    """Return the evidence in Stripe's fields; what has no field of its own goes into the text."""
    fields = {name: text for name, text in call.evidence.items() if name in _EVIDENCE}
    others = [f"{name}: {text}" for name, text in call.evidence.items() if name not in _EVIDENCE]
    if others:
        fields["uncategorized_text"] = "\n".join([*filter(None, [fields.get("uncategorized_text")]), *others])
    evidence: DisputeUpdateParamsEvidence = fields  # type: ignore[assignment]
    return evidence


def _decline_code(error: stripe.CardError) -> str | None:
    body = error.json_body
    code = body.get("error", {}).get("decline_code") if isinstance(body, dict) else None
    return code if isinstance(code, str) else None


def _intent_in(error: stripe.CardError) -> str | None:
    """Return the id of the payment intent that was made although its payment was declined."""
    body = error.json_body
    intent = body.get("error", {}).get("payment_intent") if isinstance(body, dict) else None
    return intent.get("id") if isinstance(intent, dict) else None
