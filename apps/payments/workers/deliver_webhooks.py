"""Sends webhooks: claims what is due, attempts it, and writes what came of it, many at a time in one transaction.

A slow or dead endpoint holds up nobody but itself: attempts run beside each other, few of each endpoint, and endpoints
that fail share a lane of their own. A process that dies leaves its claims behind; they are found when the lease ends.
"""

import asyncio
import secrets
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge, Histogram

from apps.payments.domain.delivering import (
    SendError,
    Sent,
    after_attempt,
    after_attempts,
    parse_retry_after,
)
from apps.payments.domain.signing import SecretBox, SigningKeys, UnreadableSecretError, signed_headers
from apps.payments.store import delivery_queue, endpoints
from apps.payments.store.deliveries import WORKER
from apps.payments.store.delivery_queue import Claim, Due, Lane, Outcome
from apps.payments.workers.outgoing_http import TOTAL_SECONDS, OutgoingHttp, SendFailedError
from outbox.ending import end
from outbox.tracing import calling, note
from outbox.transaction import Transaction, Transactions
from outbox.workers import Worker

_LOG = structlog.get_logger()
POLL_SECONDS = 1.0
_FAILING_SECONDS = 0.25
"""How often at most a round looks for what failing endpoints may be sent: they have waited already."""
_GATHER_SECONDS = 0.01
"""How long an outcome waits for others to be written with it."""
LEASE = timedelta(seconds=3 * TOTAL_SECONDS)
_MOST_CLAIMED = 128
_WINDOW = 24
"""How many due deliveries of one endpoint a round looks at; those that have to wait for earlier ones are among them."""

ATTEMPTS = Counter(
    "ledgerlink_webhook_attempts_total", "Attempts to deliver a webhook, by what came of them", ["result"]
)
IN_HAND = Gauge("ledgerlink_webhook_attempts_in_hand", "Attempts under way, by lane", ["lane"])
FIRST_ATTEMPT = Histogram(
    "ledgerlink_webhook_first_attempt_seconds",
    "From an event to the first attempt to deliver it",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
)


@dataclass(frozen=True)
class Sending:
    """With what deliveries are sent and signed, and how many at once; `luck` in [0, 1) spreads their retries."""

    http: OutgoingHttp
    box: SecretBox
    keys: SigningKeys
    lanes: tuple[Lane, ...]
    luck: Callable[[], float] = secrets.SystemRandom().random


def sending(*, inside: bool, box: SecretBox, keys: SigningKeys) -> Sending:
    """Return the usual bounds. `inside` is for development: endpoints may be on this machine or a private network."""
    lanes = Lane(failing=False, total=384, each=8), Lane(failing=True, total=128, each=1)
    return Sending(OutgoingHttp(inside=inside), box, keys, lanes)


class WebhookWorker(Worker):
    """The worker `webhooks`: one round records what has ended and claims what is due, in one transaction."""

    def __init__(self, transactions: Transactions, with_: Sending) -> None:
        super().__init__(WORKER, self.drain, POLL_SECONDS)
        self._transactions = transactions
        self._with = with_
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_hand: dict[bool, Tally[UUID]] = {lane.failing: Tally() for lane in with_.lanes}
        self._ended: list[tuple[Claim, Sent]] = []
        self._gathering: asyncio.TimerHandle | None = None
        self._failing_due = 0.0

    async def run(self) -> None:
        """Work until cancelled; what is under way then is cut off, and taken up again when its lease ends."""
        try:
            await super().run()
        finally:
            await end(list(self._tasks))
            await self._with.http.close()

    async def drain(self) -> bool:
        """Record and claim; the attempts go on beside it, and wake the worker as they end."""
        ended = list(self._ended)
        async with self._transactions.begin() as tx:
            await _record(tx, ended, self._with.luck)
            claimed, more = await self._claim(tx)
        del self._ended[: len(ended)]
        for lane, claim in claimed:
            self._start(lane, claim)
        return more

    async def _claim(self, tx: Transaction) -> tuple[list[tuple[Lane, Claim]], bool]:
        claimed: list[tuple[Lane, Claim]] = []
        more = False
        for lane in self._lanes_to_look_at():
            in_hand = self._in_hand[lane.failing]
            room = min(lane.total - in_hand.total(), _MOST_CLAIMED)
            if room <= 0:
                continue
            full = [endpoint for endpoint, number in in_hand.items() if number >= lane.each]
            due = await delivery_queue.lock_due(tx, lane, room, full, _WINDOW)
            going = await _sorted_out(tx, due, lane, in_hand)
            claimed += [(lane, claim) for claim in await delivery_queue.claim(tx, going, tx.now + LEASE)]
            more = more or len(due) == room or len(going) < len(due)
        return claimed, more

    def _lanes_to_look_at(self) -> Iterator[Lane]:
        now = time.monotonic()
        for lane in self._with.lanes:
            if not lane.failing:
                yield lane
            elif now >= self._failing_due:
                self._failing_due = now + _FAILING_SECONDS
                yield lane

    def _start(self, lane: Lane, claim: Claim) -> None:
        self._in_hand[lane.failing][claim.endpoint_id] += 1
        IN_HAND.labels(_name(lane)).inc()
        task = asyncio.create_task(self._attempt(lane, claim), name=f"webhook {claim.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attempt(self, lane: Lane, claim: Claim) -> None:
        try:
            about = {"messaging.message.id": str(claim.event_id), "ledgerlink.webhook.attempt": claim.tries}
            with calling(f"deliver {claim.event}", claim.traceparent, about):
                sent = await attempt(self._with, claim)
        finally:
            in_hand = self._in_hand[lane.failing]
            in_hand[claim.endpoint_id] -= 1
            if not in_hand[claim.endpoint_id]:
                del in_hand[claim.endpoint_id]
            IN_HAND.labels(_name(lane)).dec()
        self._ended.append((claim, sent))
        if self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(_GATHER_SECONDS, self._gathered)

    def _gathered(self) -> None:
        self._gathering = None
        self.wake()


async def _sorted_out(tx: Transaction, due: Sequence[Due], lane: Lane, in_hand: Tally[UUID]) -> list[Due]:
    """Drop what nobody wants any more, put off what has to wait for an earlier one; return what may go now."""
    await delivery_queue.drop(tx, [d for d in due if not d.is_wanted])
    await delivery_queue.put_off(tx, [d for d in due if d.is_wanted and d.waits_for], tx.now + LEASE)
    going: list[Due] = []
    taken = Tally(in_hand)
    for d in due:
        if d.is_wanted and d.waits_for is None and taken[d.endpoint_id] < lane.each:
            taken[d.endpoint_id] += 1
            going.append(d)
    return going


async def _record(tx: Transaction, ended: Sequence[tuple[Claim, Sent]], luck: Callable[[], float]) -> None:
    """Write what came of attempts, and what it says of their endpoints."""
    outcomes = [
        Outcome(claim, sent, after_attempt(sent, claim.tries, claim.first_at or sent.at, tx.now, luck()))
        for claim, sent in ended
    ]
    await delivery_queue.record(tx, outcomes)
    attempts: dict[UUID, list[Sent]] = {}
    for claim, sent in ended:
        if claim.is_failing or not sent.succeeded:
            attempts.setdefault(claim.endpoint_id, []).append(sent)
    if attempts:
        before = await endpoints.lock_health(tx, attempts)
        after = {endpoint: after_attempts(health, attempts[endpoint], tx.now) for endpoint, health in before.items()}
        await endpoints.save_health(tx, {e: health for e, health in after.items() if health != before[e]})


async def attempt(with_: Sending, claim: Claim) -> Sent:
    """Send a delivery once. Whatever goes wrong is an outcome."""
    at, begun = datetime.now(UTC), time.perf_counter()
    if claim.tries == 1:
        FIRST_ATTEMPT.observe((at - claim.created_at).total_seconds())
    body = claim.body.encode()
    sent = Sent(at, 0)
    try:
        shared = [with_.box.open(secret) for secret in claim.secrets]
        headers = signed_headers(claim.event_id, at, body, shared, with_.keys)
        answer = await with_.http.post(claim.url, _HEADERS | headers, body)
    except SendFailedError as failure:
        sent = replace(sent, error=failure.error)
    except UnreadableSecretError:
        _LOG.error(
            "an endpoint's secret cannot be opened with the keys of the settings", endpoint=str(claim.endpoint_id)
        )
        sent = replace(sent, error=SendError.CANNOT_SIGN)
    else:
        wish = parse_retry_after(answer.retry_after, datetime.now(UTC))
        sent = replace(sent, status_code=answer.status_code, retry_after=wish)
    ATTEMPTS.labels(_result(sent)).inc()
    note("ledgerlink.webhook.result", _result(sent))
    return replace(sent, milliseconds=round((time.perf_counter() - begun) * 1000))


_HEADERS = {"content-type": "application/json", "user-agent": "LedgerLink-Webhooks/1"}


def _result(sent: Sent) -> str:
    return sent.error.value if sent.error else f"{(sent.status_code or 0) // 100}xx"


def _name(lane: Lane) -> str:
    return "failing" if lane.failing else "working"
