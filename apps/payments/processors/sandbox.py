"""The sandbox processor (apps/sandbox_processor), over HTTP."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import httpx
import structlog
from pydantic import UUID7, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from apps.payments.domain.processing import (
    Call,
    DisputeNews,
    OperationNews,
    ProcessorEvent,
    Result,
    ResultStatus,
)
from apps.payments.processors.configuration import ProcessorSettings
from apps.payments.processors.declines import PROCESSOR_REFUSED, PROCESSOR_UNAVAILABLE, decline
from apps.payments.processors.port import MalformedWebhookError, SignatureError
from contracts.money import Amount, Currency
from contracts.payments import DisputeStatus

_LOG = structlog.get_logger()
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
"""What went wrong before a request left."""
_CERTAINLY_NOT_DONE = frozenset({401, 403, 408, 429, 503})
_KEPT_SECONDS = 2.0
"""An idle connection is closed before the server does it: one that closes under a request leaves it unknown."""
_UNKNOWN = Result(ResultStatus.UNKNOWN)
_UNAVAILABLE = Result(ResultStatus.FAILED, problem=PROCESSOR_UNAVAILABLE)
_STATUS = {
    "approved": ResultStatus.APPROVED,
    "declined": ResultStatus.DECLINED,
    "requires_action": ResultStatus.REQUIRES_ACTION,
    "pending": ResultStatus.PENDING,
}
_Reference = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,255}$")]


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Operation(_Said):
    """An operation as the processor tells it: the answer to a request, and part of a webhook."""

    id: _Reference
    operation_id: UUID7
    status: Annotated[str, Field(pattern="^(approved|declined|requires_action|pending)$")]
    decline_code: str | None = None
    action_url: str | None = None
    amount: int | None = None
    currency: str | None = None

    def result(self) -> Result:
        """Return it in the words that all processors share."""
        status = _STATUS[self.status]
        if status is ResultStatus.APPROVED:
            return Result(status, self.id, amount=self.amount, currency=self.currency)
        problem = decline(self.decline_code) if status is ResultStatus.DECLINED else None
        return Result(status, self.id, problem, self.action_url)


class _Dispute(_Said):
    id: _Reference
    parent: _Reference
    amount: Amount
    currency: Currency
    reason: Annotated[str, Field(max_length=100)]
    status: DisputeStatus
    evidence_due_by: AwareDatetime | None = None

    def news(self) -> DisputeNews:
        """Return how it stands."""
        return DisputeNews(
            reference=self.id,
            parent=self.parent,
            amount=self.amount,
            currency=self.currency,
            reason=self.reason,
            status=self.status.value,
            evidence_due_by=self.evidence_due_by,
        )


class _Data(_Said):
    operation: _Operation | None = None
    dispute: _Dispute | None = None


class _Event(_Said):
    id: _Reference
    type: Annotated[str, Field(pattern=r"^[a-z_.]{1,100}$")]
    data: _Data = _Data()

    def news(self) -> OperationNews | DisputeNews | None:
        """Return what it tells; None for what does not concern payments."""
        if self.type == "operation.updated" and (operation := self.data.operation):
            return OperationNews(operation.id, operation.operation_id, operation.result())
        if self.type.startswith("dispute.") and (dispute := self.data.dispute):
            return dispute.news()
        return None


class SandboxProcessor:
    """One account of the sandbox processor."""

    def __init__(self, settings: ProcessorSettings) -> None:
        self.name = settings.name
        self._timeout = settings.timeout_seconds
        self._webhook = Webhook(settings.webhook_secret.get_secret_value())
        self._client = httpx.AsyncClient(
            base_url=f"{settings.url.rstrip('/')}/v1",
            headers={"Authorization": f"Bearer {settings.api_key.get_secret_value()}"},
            timeout=httpx.Timeout(settings.timeout_seconds, connect=settings.timeout_seconds / 2),
            limits=httpx.Limits(max_connections=settings.concurrency, keepalive_expiry=_KEPT_SECONDS),
            trust_env=False,
        )

    async def execute(self, call: Call) -> Result:
        """Send the operation."""
        headers = {"Idempotency-Key": str(call.operation_id)}
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._client.post("operations", json=_asked(call), headers=headers)
        except _NOT_SENT:
            return _UNAVAILABLE
        except (httpx.HTTPError, TimeoutError):
            return _UNKNOWN
        if response.status_code in _CERTAINLY_NOT_DONE:
            return _UNAVAILABLE
        if response.is_client_error and response.status_code != httpx.codes.CONFLICT:
            # Its code is about our request, which is nothing to the customer.
            _LOG.error("request refused", processor=self.name, status=response.status_code, code=_code(response))
            return Result(ResultStatus.DECLINED, problem=PROCESSOR_REFUSED)
        return self._told(response)

    async def query(self, call: Call, _reference: str | None) -> Result:
        """Ask for the operation by our own id."""
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._client.get(f"operations/{call.operation_id}")
        except (httpx.HTTPError, TimeoutError):
            return _UNKNOWN
        if response.status_code == httpx.codes.NOT_FOUND:
            return Result(ResultStatus.NOT_FOUND)
        return self._told(response)

    def event_of(self, headers: Mapping[str, str], body: bytes) -> ProcessorEvent:
        """Verify by the Standard Webhooks scheme, which compares in constant time and allows five minutes."""
        try:
            self._webhook.verify(body, dict(headers), json_parse=False)
        # ValueError: what the library lets out of a signature or body that it cannot even read.
        except (WebhookVerificationError, ValueError) as error:
            raise SignatureError("not signed by this processor, or too long ago") from error
        try:
            event = _Event.model_validate_json(body)
        except ValidationError as error:
            places = sorted({".".join(map(str, e["loc"])) or "body" for e in error.errors(include_input=False)})
            raise MalformedWebhookError(f"not an event of this processor: {', '.join(places)}") from error
        return ProcessorEvent(event.id, event.type, event.news())

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _told(self, response: httpx.Response) -> Result:
        """Read an operation; an answer that cannot be understood tells nothing."""
        if not response.is_success:
            return _UNKNOWN
        try:
            return _Operation.model_validate_json(response.content).result()
        except ValidationError:
            _LOG.warning("unreadable answer", processor=self.name, status=response.status_code)
            return _UNKNOWN


def _asked(call: Call) -> dict[str, Any]:
    asked: dict[str, Any] = {"type": call.verb.value, "amount": call.amount, "currency": call.currency}
    optional = {
        "method": dict(call.method),
        "parent": call.parent,
        "statement_descriptor": call.statement_descriptor,
        "return_url": call.return_url,
        "evidence": dict(call.evidence),
        "metadata": dict(call.metadata),
    }
    return asked | {name: value for name, value in optional.items() if value}


def _code(response: httpx.Response) -> str | None:
    try:
        told = response.json()
    except ValueError:
        return None
    code = told.get("error") if isinstance(told, dict) else None
    return code if isinstance(code, str) else None
