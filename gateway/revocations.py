"""Which access has ended before its time: heard as it is said, and asked for now and then, for what was not heard.

Who cannot ask knows nothing: then no token is accepted (fail closed), rather than one that was revoked.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from nats.aio.msg import Msg
from pydantic import ValidationError

from contracts.identity import AccessRevoked, GetRevocations, Revocation, Revocations
from contracts.message import decode
from gateway.metrics import REVOCATIONS_KNOWN
from gateway.problems import ProblemError
from gateway.queries import Queries
from gateway.request_context import Caller, own_context

_LOG = structlog.get_logger()
_OVERLAP = timedelta(seconds=60)
"""What was being committed when it was asked is told the next time; no transaction of identity takes longer."""
_CLOCKS_DIFFER = 60.0
"""Also longer than anything takes to be issued that was begun before its client had ended."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0
_MOST_PAGES = 1000


@dataclass(frozen=True)
class RevocationRules:
    """How often identity is asked, how old its last answer may be, and how long and how many revocations are kept.

    Seconds; `token_seconds` is the longest that an access token holds.
    """

    poll_seconds: float
    staleness_seconds: float
    token_seconds: float
    most: int = 500_000


class RevocationView:
    """What one gateway knows of revocations, in bounded memory: what concerns no token any more is forgotten.

    Should there be more than `most`, the oldest is forgotten with all tokens of its time, which are then refused:
    their clients refresh them.
    """

    def __init__(self, queries: Queries, rules: RevocationRules) -> None:
        self._queries, self._rules = queries, rules
        self._ended: dict[UUID, float] = {}
        self._versions: dict[UUID, tuple[int, float]] = {}
        self._issued_since = 0.0
        self._as_of: datetime | None = None
        self._known_at = float("-inf")
        self._wanted = asyncio.Event()

    @property
    def age(self) -> float:
        """The seconds since which revocations may be unknown here."""
        return time.monotonic() - self._known_at

    @property
    def is_stale(self) -> bool:
        """Whether too little is known to accept any token."""
        return self.age > self._rules.staleness_seconds

    @property
    def known(self) -> int:
        """How many revocations are remembered."""
        return len(self._ended) + len(self._versions)

    def has_ended(self, caller: Caller) -> bool:
        """Whether what the token was issued for has ended, or the client to which it was issued.

        A client comes back with its owner, and then what it is given later holds; nothing else ever comes back.
        """
        if caller.issued_at < self._issued_since or (caller.grant in self._ended and caller.grant != caller.client):
            return True
        ended_at = self._ended.get(caller.client) if caller.client is not None else None
        return ended_at is not None and caller.issued_at <= ended_at + _CLOCKS_DIFFER

    def is_outdated(self, caller: Caller) -> bool:
        """Whether the user's authority has changed since."""
        known = self._versions.get(caller.user)
        return known is not None and (caller.version is None or caller.version < known[0])

    async def hear(self, message: Msg) -> None:
        """Take an AccessRevoked as it is said; of one that cannot be read identity is asked."""
        try:
            event = decode(message.data, AccessRevoked).data
        except ValidationError as error:
            _LOG.error("not a revocation", errors=error.error_count())
            self.ask_soon()
            return
        for grant in event.grants:
            self._end(grant, event.revoked_at)
        if event.user_id is not None and event.version is not None:
            self._raise_version(event.user_id, event.version, event.revoked_at)
        self._tidy()

    def ask_soon(self) -> None:
        """Ask now what was not heard, such as after a reconnection."""
        self._wanted.set()

    async def watch(self) -> None:
        """Ask again and again, and sooner when there was no answer."""
        pause = _FIRST_PAUSE
        while True:
            self._wanted.clear()
            if await self._ask():
                pause = _FIRST_PAUSE
                await self._wait(self._rules.poll_seconds)
            else:
                pause = min(pause * 2, _LONGEST_PAUSE)
                await self._wait(pause)

    async def _wait(self, seconds: float) -> None:
        """Wait so long, or until something has to be asked."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wanted.wait()

    async def _ask(self) -> bool:
        """Learn what was revoked since the last answer, and some time before it; tell whether that is known now."""
        begun = time.monotonic()
        try:
            as_of = await self._read_all(self._as_of - _OVERLAP if self._as_of else None)
        except (ProblemError, ValidationError) as error:
            _LOG.warning("revocations are not to be had", error=str(error), age=self.age)
            return False
        self._as_of, self._known_at = as_of, begun
        self._tidy()
        return True

    async def _read_all(self, since: datetime | None) -> datetime:
        """Take all pages; return the instant of which the first one is."""
        after: UUID | None = None
        as_of: datetime | None = None
        for _ in range(_MOST_PAGES):
            page = Revocations.model_validate(await self._page(since, after))
            as_of = as_of or page.as_of
            self._take(page.revocations)
            if not page.has_more or not page.revocations:
                return as_of
            since, after = page.revocations[-1].revoked_at, page.revocations[-1].id
        raise ProblemError("unavailable", "There is no end of revocations.")

    async def _page(self, since: datetime | None, after: UUID | None) -> Any:
        return await self._queries.ask(GetRevocations(since=since, after=after), own_context())

    def _take(self, revocations: Sequence[Revocation]) -> None:
        for one in revocations:
            if one.grant is not None:
                self._end(one.grant, one.revoked_at)
            if one.user_id is not None and one.version is not None:
                self._raise_version(one.user_id, one.version, one.revoked_at)

    def _end(self, grant: UUID, at: datetime) -> None:
        known = self._ended.get(grant)
        if not self._is_over(at.timestamp()) and (known is None or known < at.timestamp()):
            self._ended.pop(grant, None)  # so that the oldest stays in front
            self._ended[grant] = at.timestamp()

    def _raise_version(self, user: UUID, version: int, at: datetime) -> None:
        known = self._versions.get(user)
        if not self._is_over(at.timestamp()) and (known is None or known[0] < version):
            self._versions.pop(user, None)  # so that the oldest stays in front
            self._versions[user] = (version, at.timestamp())

    def _is_over(self, at: float) -> bool:
        """Whether no token of then can hold any more."""
        return at < time.time() - self._rules.token_seconds - _CLOCKS_DIFFER

    def _tidy(self) -> None:
        """Forget what is over, and the oldest of what is too many; both are in the order of their time, nearly."""
        while self._ended and self._is_over(next(iter(self._ended.values()))):
            del self._ended[next(iter(self._ended))]
        while self._versions and self._is_over(next(iter(self._versions.values()))[1]):
            del self._versions[next(iter(self._versions))]
        while len(self._ended) > self._rules.most:
            self._forget_tokens_of(self._ended.pop(next(iter(self._ended))))
        while len(self._versions) > self._rules.most:
            self._forget_tokens_of(self._versions.pop(next(iter(self._versions)))[1])
        REVOCATIONS_KNOWN.set(self.known)

    def _forget_tokens_of(self, at: float) -> None:
        self._issued_since = max(self._issued_since, at + _CLOCKS_DIFFER)
