"""What clients may send."""

import asyncio
import json
from hashlib import sha256
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from starlette.requests import ClientDisconnect, Request

from apps.sandbox_processor.api.errors import RefusedError
from apps.sandbox_processor.domain.words import STARTERS, DisputeStatus, OperationType

LARGEST_BODY = 64 * 1024
SECONDS = 10.0
_LARGEST_AMOUNT = 10**15
_NO_AMOUNT = frozenset({OperationType.VOID, OperationType.EVIDENCE})

_Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]
_Texts = Annotated[dict[Annotated[str, StringConstraints(max_length=100)], str], Field(max_length=50)]


def _with_a_host(url: str) -> str:
    if not urlsplit(url).hostname:
        raise ValueError("there is no host in it")
    return url


_ReturnUrl = Annotated[
    str, StringConstraints(pattern=r"^https?://[^\s\"<>]+$", max_length=2048), AfterValidator(_with_a_host)
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MethodBody(_Body):
    """What pays, or is paid to."""

    type: Literal["card", "bank"]
    token: _Name


class OperationBody(_Body):
    """POST /v1/operations."""

    type: OperationType
    amount: Annotated[int, Field(ge=0, le=_LARGEST_AMOUNT)]
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]
    method: MethodBody | None = None
    parent: _Name | None = None
    statement_descriptor: Annotated[str, StringConstraints(max_length=100)] | None = None
    return_url: _ReturnUrl | None = None
    evidence: _Texts = Field(default_factory=dict)
    metadata: _Texts = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.type in STARTERS and self.method is None:
            raise ValueError(f"{self.type} needs a method")
        if self.type not in STARTERS and self.parent is None:
            raise ValueError(f"{self.type} needs a parent")
        if self.amount == 0 and self.type not in _NO_AMOUNT:
            raise ValueError(f"{self.type} needs an amount")
        return self

    def fingerprint(self) -> bytes:
        """Return the same for the same content, however it is written."""
        return sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).digest()


class CardBody(_Body):
    """POST /v1/tokens for a card."""

    number: Annotated[str, StringConstraints(max_length=40)]
    exp_month: Annotated[int, Field(ge=1, le=12)]
    exp_year: Annotated[int, Field(ge=2000, le=2100)]
    cvc: Annotated[str, StringConstraints(pattern="^[0-9]{3,4}$")]


class BankBody(_Body):
    """POST /v1/tokens for a bank account."""

    iban: Annotated[str, StringConstraints(max_length=50)]


class ResultBody(_Body):
    """POST /authenticate/{id}."""

    result: Literal["approve", "fail"]


class ClosingBody(_Body):
    """POST /v1/disputes/{id}/close."""

    status: Literal[DisputeStatus.WON, DisputeStatus.LOST]


_B = TypeVar("_B", bound=BaseModel)


async def json_body(request: Request, kind: type[_B]) -> _B:
    """Return the body as `kind`. Raises RefusedError."""
    return parsed(await raw_body(request), kind)


def parsed(body: bytes, kind: type[_B]) -> _B:
    """Return JSON as `kind`. Raises RefusedError, which repeats no value: it may be a card number."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        told = [(".".join(map(str, e["loc"])), e["msg"]) for e in error.errors(include_url=False, include_input=False)]
        raise RefusedError(400, "invalid_request", "; ".join(f"{where}: {what}" for where, what in told)) from None


async def raw_body(request: Request) -> bytes:
    """Return the body, not longer and not slower than is bearable. Raises RefusedError."""
    body = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST_BODY:
                    raise RefusedError(413, "body_too_large", f"at most {LARGEST_BODY} bytes")
    except TimeoutError:
        raise RefusedError(408, "body_too_slow", f"the body must arrive within {SECONDS:.0f} s") from None
    except ClientDisconnect:
        raise RefusedError(400, "body_incomplete", "the client went away") from None
    return bytes(body)


def idempotency_key(request: Request) -> str:
    """Return the client's id of the operation. Raises RefusedError."""
    try:
        return str(UUID(request.headers.get("Idempotency-Key", "")))
    except ValueError:
        raise RefusedError(400, "idempotency_key_invalid", "the header Idempotency-Key must be a UUID") from None
