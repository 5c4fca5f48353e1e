"""A client of the gateway's HTTP interface: what demo, tests and benchmark use, as any customer could."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from uuid import UUID

import httpx
from pydantic import SecretStr, ValidationError

from contracts.identity import AccessToken, User
from contracts.ids import new_id
from contracts.message import Message
from contracts.payments import CaptureMethod, PaymentIntent, Refund, WebhookEndpoint
from contracts.wallet import Account, EntryPage, Transfer

ACCEPTED = 202
TIMEOUT_SECONDS = 35.0  # above the longest wait that the gateway grants
CORRELATION_HEADER = "X-Correlation-Id"
M = TypeVar("M", bound=Message)
M_co = TypeVar("M_co", bound=Message, covariant=True)


class GatewayError(Exception):
    """No resource came: the HTTP status and its problem document (RFC 9457), {} when there was none.

    A 202 without the resource is one too: it was recorded, repeat the request or read its `location` header.
    """

    def __init__(self, status: int, problem: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        self.status, self.problem, self.headers = status, problem, headers
        super().__init__(f"{status} {self.code}: {problem.get('detail', 'no problem document came')}")

    @property
    def code(self) -> str:
        """The problem's stable code, such as `wallet_not_found`; empty when there is none."""
        return str(self.problem.get("code", ""))

    @property
    def retry_after(self) -> float | None:
        """Seconds after which the same request may succeed; None when repeating it as it is does not help."""
        return float(self.headers["retry-after"]) if "retry-after" in self.headers else None

    @property
    def payment_intent(self) -> PaymentIntent | None:
        """The payment intent of a declined payment (402)."""
        found = self.problem.get("payment_intent")
        return PaymentIntent.model_validate(found) if found else None


@dataclass(frozen=True)
class Answer(Generic[M_co]):
    """A 2xx answer: 200 and 201 are committed outcomes; with 202 the outcome follows at `location`."""

    status: int
    resource: M_co
    correlation_id: str
    location: str | None


@dataclass(frozen=True)
class Asking:
    """How a request is asked. `wait` (seconds) or `respond_async` becomes the Prefer header (RFC 7240)."""

    idempotency_key: str | None = None
    correlation_id: str | None = None
    wait: int | None = None
    respond_async: bool = False

    def headers(self) -> dict[str, str]:
        """Return the headers; a request without a key gets a fresh one."""
        headers = {"Idempotency-Key": self.idempotency_key or str(new_id())}
        prefer = ["respond-async"] if self.respond_async else []
        prefer += [] if self.wait is None else [f"wait={self.wait}"]
        if prefer:
            headers["Prefer"] = ", ".join(prefer)
        if self.correlation_id:
            headers[CORRELATION_HEADER] = self.correlation_id
        return headers


NOTHING_SPECIAL = Asking()


class Gateway:
    """The gateway at a base URL, without a user: one can register and log in.

    All methods, those of `Session` too, raise GatewayError for an answer that is not 2xx, and httpx.TransportError
    when none comes.
    """

    def __init__(self, url: str, *, timeout: float = TIMEOUT_SECONDS, client: httpx.AsyncClient | None = None) -> None:
        self._client = client or httpx.AsyncClient(base_url=url, timeout=timeout)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def register(self, email: str, password: str) -> User:
        """Register a customer."""
        body = {"email": email, "password": password}
        return (await _asked(self._client, "POST", "/v1/users", User, json=body)).resource

    async def login(self, email: str, password: str) -> "Session":
        """Return a session of the user, valid for as long as an access token is."""
        body = {"email": email, "password": password}
        answer = await _asked(self._client, "POST", "/v1/sessions", AccessToken, json=body)
        return Session(self._client, answer.resource)

    async def register_and_login(self, email: str, password: str) -> "Session":
        """Register a customer and log in."""
        await self.register(email, password)
        return await self.login(email, password)


class Session:
    """The gateway as one logged-in user sees it. Amounts are whole minor units."""

    def __init__(self, client: httpx.AsyncClient, token: AccessToken) -> None:
        self._client = client
        self.token = SecretStr(token.access_token)
        self.scope = token.scope

    async def open_wallet(self, currency: str, asking: Asking = NOTHING_SPECIAL) -> Account:
        """Open a wallet."""
        return (await self._post("/v1/wallets", Account, {"currency": currency}, asking)).resource

    async def balance(self, wallet: UUID) -> Account:
        """Return a wallet with its balance."""
        return await self._get(f"/v1/wallets/{wallet}", Account)

    async def entries(self, wallet: UUID, *, before: int | None = None, limit: int = 20) -> EntryPage:
        """Return a page of a wallet's entries, newest first, those with a sequence below `before`."""
        query = {"limit": limit} | ({} if before is None else {"before": before})
        return await self._get(f"/v1/wallets/{wallet}/entries", EntryPage, query)

    async def top_up(self, wallet: UUID, amount: int, currency: str, asking: Asking = NOTHING_SPECIAL) -> Transfer:
        """Put money into any wallet; only operators may."""
        body = {"amount": amount, "currency": currency}
        return (await self._post(f"/v1/wallets/{wallet}/top_ups", Transfer, body, asking)).resource

    async def transfer(self, transfer: UUID) -> Transfer:
        """Return a posted transfer."""
        return await self._get(f"/v1/transfers/{transfer}", Transfer)

    async def create_payment_intent(
        self,
        source: UUID,
        destination: UUID,
        amount: int,
        currency: str,
        *,
        confirm: bool = True,
        description: str | None = None,
        asking: Asking = NOTHING_SPECIAL,
    ) -> Answer[PaymentIntent]:
        """Create a payment from one wallet to another and, with `confirm`, set it going and wait for its outcome.

        A decline is GatewayError 402, whose `payment_intent` can be confirmed again.
        """
        body = {
            "source_wallet": str(source),
            "destination_wallet": str(destination),
            "amount": amount,
            "currency": currency,
            "confirm": confirm,
        } | ({"description": description} if description is not None else {})
        return await self._post("/v1/payment_intents", PaymentIntent, body, asking)

    async def pay_by_card(
        self,
        token: str,
        destination: UUID,
        amount: int,
        currency: str,
        *,
        capture_method: CaptureMethod = CaptureMethod.AUTOMATIC,
        asking: Asking = NOTHING_SPECIAL,
    ) -> Answer[PaymentIntent]:
        """Pay into a wallet by the card that a processor's token names, and wait; a decline is GatewayError 402."""
        body = {
            "payment_method": {"type": "card", "token": token},
            "destination_wallet": str(destination),
            "amount": amount,
            "currency": currency,
            "capture_method": capture_method,
            "confirm": True,
        }
        return await self._post("/v1/payment_intents", PaymentIntent, body, asking)

    async def confirm_payment_intent(self, intent: UUID, asking: Asking = NOTHING_SPECIAL) -> Answer[PaymentIntent]:
        """Set a payment going, or try it again after a decline."""
        return await self._post(f"/v1/payment_intents/{intent}/confirm", PaymentIntent, None, asking)

    async def capture_payment_intent(
        self, intent: UUID, amount: int, *, final: bool = True, asking: Asking = NOTHING_SPECIAL
    ) -> Answer[PaymentIntent]:
        """Take a part of what is authorised, as its merchant; the rest is released, unless this is not `final`."""
        body = {"amount": amount, "final_capture": final}
        return await self._post(f"/v1/payment_intents/{intent}/capture", PaymentIntent, body, asking)

    async def refund(self, intent: UUID, amount: int, asking: Asking = NOTHING_SPECIAL) -> Answer[Refund]:
        """Give back a part of a payment, as its merchant."""
        body = {"payment_intent": str(intent), "amount": amount}
        return await self._post("/v1/refunds", Refund, body, asking)

    async def add_webhook_endpoint(self, url: str, events: Sequence[str]) -> WebhookEndpoint:
        """Have events sent to a URL; the answer has the secret that they are signed with."""
        body = {"url": url, "events": list(events)}
        return (await self._post("/v1/webhook_endpoints", WebhookEndpoint, body, NOTHING_SPECIAL)).resource

    async def get_payment_intent(self, intent: UUID) -> PaymentIntent:
        """Return a payment intent."""
        return await self._get(f"/v1/payment_intents/{intent}", PaymentIntent)

    async def _get(self, path: str, answer: type[M], query: Mapping[str, int] | None = None) -> M:
        return (await _asked(self._client, "GET", path, answer, headers=self._bearer(), params=query)).resource

    async def _post(self, path: str, answer: type[M], body: Mapping[str, Any] | None, asking: Asking) -> Answer[M]:
        return await _asked(self._client, "POST", path, answer, headers=self._bearer() | asking.headers(), json=body)

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token.get_secret_value()}"}


async def _asked(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    answer: type[M],
    *,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, int] | None = None,
    json: Mapping[str, Any] | None = None,
) -> Answer[M]:
    response = await client.request(method, path, headers=headers, params=params, json=json)
    body = _object(response)
    if not response.is_success:
        raise GatewayError(response.status_code, body, response.headers)
    try:
        resource = answer.model_validate(body)
    except ValidationError as error:
        detail = f"not yet the answer to {method} {path}" if response.status_code == ACCEPTED else "not an answer"
        raise GatewayError(response.status_code, {"detail": detail}, response.headers) from error
    correlation_id = response.headers.get(CORRELATION_HEADER, "")
    return Answer(response.status_code, resource, correlation_id, response.headers.get("Location"))


def _object(response: httpx.Response) -> dict[str, Any]:
    """Return the body if it is a JSON object, else nothing."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
