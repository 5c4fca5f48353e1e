"""Sends a request until its outcome is known or its deadline is over, with one key and one correlation id."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

import httpx
from pydantic_core import to_json

from ledgerlink_client.errors import NoAnswerError, StepUpRequiredError, UnexpectedAnswerError, problem_error
from ledgerlink_client.options import AS_USUAL, Options
from ledgerlink_client.retrying import IN_PROGRESS, Repeatable, Retries, may_succeed_later, retry_after

CORRELATION_HEADER = "X-Correlation-Id"
ACCEPTED, UNAUTHORIZED = 202, 401
CONNECT_SECONDS = 5.0
OPERATIONS = "/v1/operations/"
ATTEMPT_SECONDS = 40.0
"""How long one attempt may take: above the longest wait that the API grants, 30 seconds."""
_TIMEOUT = httpx.Timeout(ATTEMPT_SECONDS, connect=CONNECT_SECONDS)
# Nothing of the request can have reached the other side.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Credentials(Protocol):
    """Who asks."""

    async def token(self) -> str:
        """Return what goes into the Authorization header as a bearer token (RFC 6750)."""

    async def renew(self, refused: str) -> bool:
        """Get another token, as this one was refused; return whether there can be another one."""


@dataclass(frozen=True)
class Request:
    """What is asked. A `keyed` one moves money, or changes something else once, and carries an Idempotency-Key."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    query: Mapping[str, str | int] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    basic: tuple[str, str] | None = None
    keyed: bool = False
    repeatable: Repeatable = Repeatable.ALWAYS


@dataclass(frozen=True)
class Came:
    """A 2xx answer, and what led to it."""

    response: httpx.Response
    idempotency_key: str | None
    attempts: int


@dataclass
class _Call:
    """One request with all its attempts."""

    request: Request
    options: Options
    headers: dict[str, str]
    ends: float
    attempts: int = 0
    failures: int = 0
    was_renewed: bool = False
    following: str | None = None

    @property
    def key(self) -> str | None:
        return self.headers.get("Idempotency-Key")


class Transport:
    """The connections to one API, and how patiently they are used."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        retries: Retries,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.http, self.retries, self.sleep, self.clock = http, retries, sleep, clock

    async def send(self, request: Request, who: Credentials | None, options: Options = AS_USUAL) -> Came:
        """Return the 2xx answer.

        Raises ProblemError for another one, NoAnswerError when none comes, UnexpectedAnswerError for a redirection.
        A 202 is followed, unless `respond_async`: its operation is read until it has ended, and then the request is
        repeated with its key, which is answered with the outcome. At the deadline the last 202 is returned.
        """
        call = _Call(request, options, _headers(request, options), self.clock() + self._seconds(options))
        recorded: httpx.Response | None = None
        while True:
            answer = await self._attempt(call, who)
            if call.following is None and isinstance(answer, httpx.Response) and answer.status_code == ACCEPTED:
                recorded = answer
            pause = await self._pause(call, answer, who)
            if pause is None or self.clock() + pause >= call.ends:
                return _came(call, answer if call.following is None else recorded or answer)
            await self.sleep(pause)

    def _seconds(self, options: Options) -> float:
        return self.retries.deadline if options.deadline is None else options.deadline

    def _until_the_end(self, call: _Call) -> asyncio.Timeout:
        return asyncio.timeout(max(0.001, call.ends - self.clock()))

    async def _attempt(self, call: _Call, who: Credentials | None) -> httpx.Response | Exception:
        """Ask once; what came in the way is returned, not raised."""
        call.attempts += 1
        try:
            async with self._until_the_end(call):
                token = await who.token() if who else None
                headers = call.headers | ({"Authorization": f"Bearer {token}"} if token else {})
                if call.following is not None:
                    return await self.http.get(call.following, headers=headers, timeout=_TIMEOUT)
                return await self.http.request(
                    call.request.method,
                    call.request.path,
                    params=dict(call.request.query),
                    headers=headers,
                    content=to_json(call.request.body) if call.request.body is not None else None,
                    data=call.request.form,
                    auth=call.request.basic or httpx.USE_CLIENT_DEFAULT,
                    timeout=_TIMEOUT,
                )
        except (httpx.TransportError, TimeoutError) as error:
            return error

    async def _pause(self, call: _Call, answer: httpx.Response | Exception, who: Credentials | None) -> float | None:
        """Return how long to wait before another attempt; None when this answer is the last one."""
        if isinstance(answer, Exception):
            may_repeat = call.request.repeatable is Repeatable.ALWAYS or isinstance(answer, _NOT_SENT)
            return self._after_failure(call, None) if may_repeat else None
        if answer.status_code == UNAUTHORIZED:
            return 0.0 if who and await self._renewed(call, answer, who) else None
        if call.following is not None:
            return self._followed(call, answer)
        return self._after_success(call, answer) if answer.is_success else self._after_problem(call, answer)

    async def _renewed(self, call: _Call, answer: httpx.Response, who: Credentials) -> bool:
        """Tell whether there is another token to try; once a call, and not where a token as such does not suffice."""
        problem = problem_error(answer.status_code, _object(answer), answer.headers)
        if call.was_renewed or isinstance(problem, StepUpRequiredError):
            return False
        call.was_renewed = True
        sent = answer.request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            async with self._until_the_end(call):
                return await who.renew(sent)
        except TimeoutError:
            return False

    def _after_success(self, call: _Call, answer: httpx.Response) -> float | None:
        """Begin to follow what is recorded only; all else is done."""
        if answer.status_code != ACCEPTED or not call.request.keyed or call.options.respond_async:
            return None
        location = answer.headers.get("Location", "")
        call.following = location if location.startswith(OPERATIONS) else None
        return self.retries.pause(1, retry_after(answer.headers))

    def _after_problem(self, call: _Call, answer: httpx.Response) -> float | None:
        code = str(_object(answer).get("code", ""))
        if not may_succeed_later(answer.status_code, code, call.request.repeatable):
            return None
        if code == IN_PROGRESS:
            return self.retries.pause(1, retry_after(answer.headers))
        return self._after_failure(call, retry_after(answer.headers))

    def _followed(self, call: _Call, answer: httpx.Response) -> float:
        """Go on following an operation that is under way; else the request itself tells what has become of it."""
        if answer.is_success and _object(answer).get("status") == "processing":
            return self.retries.pause(1, retry_after(answer.headers))
        call.following = None
        return 0.0 if answer.is_success else self.retries.pause(1, retry_after(answer.headers))

    def _after_failure(self, call: _Call, asked_for: float | None) -> float | None:
        call.failures += 1
        return self.retries.pause(call.failures, asked_for) if call.failures < self.retries.attempts else None


def _headers(request: Request, options: Options) -> dict[str, str]:
    headers = {CORRELATION_HEADER: options.correlation_id or str(uuid4()), **request.headers}
    if request.body is not None:
        headers["Content-Type"] = "application/json"
    if request.keyed:
        headers["Idempotency-Key"] = options.idempotency_key or str(uuid4())
        if options.prefer:
            headers["Prefer"] = options.prefer
    return headers


def _came(call: _Call, answer: httpx.Response | Exception) -> Came:
    if isinstance(answer, Exception):
        message = f"no answer to {call.request.method} {call.request.path} after {call.attempts} attempts: {answer!r}"
        raise NoAnswerError(message, idempotency_key=call.key) from answer
    if answer.is_success:
        return Came(answer, call.key, call.attempts)
    if not answer.is_error:
        message = f"{call.request.method} {call.request.path} was answered {answer.status_code}, which is not this API"
        raise UnexpectedAnswerError(message, idempotency_key=call.key)
    raise problem_error(answer.status_code, _object(answer), answer.headers, call.key)


def _object(response: httpx.Response) -> dict[str, Any]:
    """Return the body if it is a JSON object, else nothing."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
