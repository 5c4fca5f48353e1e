"""Sends messages to users: claims what is due, finds out what there is to say, and tries until it is taken.

A token is made as its message is sent, and kept as a hash: nothing that lies in a table could be used.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog
from prometheus_client import Counter

from apps.identity.domain.account import Account
from apps.identity.domain.messages import Addressee, Mail, written
from apps.identity.domain.sealing import SealBrokenError, Sealer
from apps.identity.domain.secret_tokens import fresh_token, token_hash
from apps.identity.handlers.parts import Lifetimes
from apps.identity.handlers.recording import Happening, record
from apps.identity.store import accounts, one_time_tokens, outgoing_messages
from apps.identity.store.outgoing_messages import WORKER, Waiting
from contracts.identity import MessageQueued, Purpose, SecurityEventKind, UserStatus
from outbox.transaction import Transaction, Transactions
from outbox.workers import Worker

_LOG = structlog.get_logger()
POLL_SECONDS = 5.0
SEND_SECONDS = 60.0
MOST_ATTEMPTS = 8
_AT_ONCE = 16
_FIRST_PAUSE = timedelta(minutes=2)
"""Longer than sending may take, so that no other process takes up a message while it is being sent."""
_ASKED_AT_MOST_EVERY = timedelta(minutes=1)
KEPT = timedelta(days=7)

SENT = Counter("ledgerlink_messages_total", "Messages to users, by what became of an attempt", ["purpose", "result"])


class SendFailedError(Exception):
    """A message could not be handed over, and may be later; the text tells no address."""


class Sender(Protocol):
    """Hands messages over to what brings them to users."""

    async def send(self, mail: Mail) -> None:
        """Hand a message over. Raises SendFailedError."""


@dataclass(frozen=True)
class Mailing:
    """With what messages are written and sent. `public_url` is where users reach the pages that messages name."""

    sender: Sender
    sealer: Sealer
    lifetimes: Lifetimes
    public_url: str
    send_seconds: float = SEND_SECONDS


@dataclass(frozen=True)
class Claim:
    """A message in hand, written out."""

    waiting: Waiting
    mail: Mail

    @property
    def is_last(self) -> bool:
        """Whether it is given up when this attempt fails."""
        return self.waiting.attempts + 1 >= MOST_ATTEMPTS


class MessageWorker(Worker):
    """The worker `messages`: a few at a time, each attempt counted before it is made."""

    def __init__(self, transactions: Transactions, mailing: Mailing) -> None:
        super().__init__(WORKER, self.drain, POLL_SECONDS)
        self._transactions = transactions
        self._mailing = mailing

    async def drain(self) -> bool:
        """Send what is due, a bounded part of it; tell whether there may be more."""
        async with self._transactions.begin() as tx:
            due = await outgoing_messages.lock_due(tx, _AT_ONCE)
            claims = await self._claim(tx, due) if due else []
        ended = await asyncio.gather(*(self._attempt(claim) for claim in claims))
        finished = [(claim.waiting.id, sent_at) for claim, sent_at in ended if sent_at or claim.is_last]
        if finished:
            async with self._transactions.begin() as tx:
                await outgoing_messages.finish(tx, finished)
        return len(due) == _AT_ONCE

    async def _claim(self, tx: Transaction, due: Sequence[Waiting]) -> list[Claim]:
        """Count an attempt at each, write it out, and drop those that nobody is to get."""
        pairs = [(waiting, addressee) for waiting in due if (addressee := self._opened(waiting))]
        known = await accounts.by_emails(tx, [addressee.email for _, addressee in pairs])
        claims: list[Claim] = []
        pauses: list[tuple[UUID, timedelta, UUID]] = []
        asked: set[UUID] = set()
        for waiting, addressee in pairs:
            account = known.get(addressee.email)
            if account is None or not await _is_wanted(tx, waiting, account, asked):
                continue
            if waiting.user is None:
                await self._resolved(tx, waiting, account, addressee)
            claims.append(Claim(waiting, await self._written(tx, waiting, account, addressee)))
            pauses.append((waiting.id, _FIRST_PAUSE * 2**waiting.attempts, account.id))
        taken = {claim.waiting.id for claim in claims}
        await outgoing_messages.remove(tx, [waiting.id for waiting in due if waiting.id not in taken])
        await outgoing_messages.claim(tx, pauses)
        return claims

    def _opened(self, waiting: Waiting) -> Addressee | None:
        try:
            return Addressee.opened(self._mailing.sealer, waiting.sealed)
        except SealBrokenError:
            _LOG.error("a message cannot be opened with the keys of the settings, and is dropped", id=str(waiting.id))
            return None

    async def _resolved(self, tx: Transaction, waiting: Waiting, account: Account, addressee: Addressee) -> None:
        """Say of a message to an address what was not known when it was queued: that it has an account."""
        told = {"message_id": waiting.id, "user_id": account.id, "purpose": waiting.purpose}
        tx.say(MessageQueued.model_validate(told | {"queued_at": waiting.created_at}), None)
        if waiting.purpose is Purpose.RESET_PASSWORD:
            kind = SecurityEventKind.PASSWORD_RESET_REQUESTED
            await record(tx, self._mailing.sealer, [Happening(kind, account, addressee.origin)])

    async def _written(self, tx: Transaction, waiting: Waiting, account: Account, addressee: Addressee) -> Mail:
        token, holds = "", timedelta(0)
        if waiting.purpose in _TOKENS:
            prefix = _TOKENS[waiting.purpose]
            token, holds = fresh_token(prefix), self._holds(waiting.purpose)
            await one_time_tokens.add(tx, token_hash(token), waiting.purpose, account.id, tx.now + holds)
        return written(waiting.purpose, addressee.email, self._mailing.public_url, token, holds)

    def _holds(self, purpose: Purpose) -> timedelta:
        lifetimes = self._mailing.lifetimes
        return lifetimes.email_token if purpose is Purpose.VERIFY_EMAIL else lifetimes.reset_token

    async def _attempt(self, claim: Claim) -> tuple[Claim, datetime | None]:
        purpose = claim.waiting.purpose.value
        try:
            async with asyncio.timeout(self._mailing.send_seconds):
                await self._mailing.sender.send(claim.mail)
        except (SendFailedError, TimeoutError) as failure:
            SENT.labels(purpose, "given_up" if claim.is_last else "failed").inc()
            told = {"message": str(claim.waiting.id), "purpose": purpose, "error": str(failure) or "timed out"}
            _LOG.warning("a message could not be sent", **told, given_up=claim.is_last)
            return claim, None
        SENT.labels(purpose, "sent").inc()
        return claim, datetime.now(tz=claim.waiting.created_at.tzinfo)


_TOKENS = {Purpose.VERIFY_EMAIL: "llv_", Purpose.RESET_PASSWORD: "llp_"}


async def _is_wanted(tx: Transaction, waiting: Waiting, account: Account, asked: set[UUID]) -> bool:
    """Tell whether an account is to get a message; whoever asks for many resets fills nobody's mailbox.

    `asked` are the accounts for which somebody has asked in the same breath.
    """
    if account.status is not UserStatus.ACTIVE:
        return False
    if not _is_request(waiting):
        return True
    if account.id in asked:
        return False
    asked.add(account.id)
    since = waiting.created_at - _ASKED_AT_MOST_EVERY
    return not await outgoing_messages.was_queued(tx, account.id, waiting.purpose, since, besides=waiting.id)


def _is_request(waiting: Waiting) -> bool:
    """Tell whether anybody may have asked for this, and nobody has looked yet whose account it is."""
    return waiting.purpose is Purpose.RESET_PASSWORD and waiting.user is None


async def forget_messages(tx: Transaction) -> None:
    """Delete old messages and tokens that nobody can use any more, as a job."""
    await outgoing_messages.forget(tx, tx.now - KEPT)
    await one_time_tokens.forget(tx)
