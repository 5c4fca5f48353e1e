"""A bank for tests: builds commands as other services send them, hands them to the handlers, tells what was said."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from apps.wallet.handlers.ledger_operations import carry_out, expire_holds, read_wishes
from apps.wallet.handlers.open_accounts import open_accounts
from apps.wallet.handlers.operations import LedgerCommand
from contracts.ids import new_id
from contracts.message import Envelope, Idempotency, Message, Reply, decode, envelope_of
from contracts.wallet import (
    AccountRef,
    CaptureHold,
    ExtendHold,
    FundAccount,
    Leg,
    OpenAccount,
    PlaceHold,
    PostJournal,
    PostTransfer,
    ReverseTransfer,
    TransferLeg,
    VoidHold,
)
from outbox.database import Database
from outbox.transaction import Spoken, Transactions

M = TypeVar("M", bound=Message)
REPLY_TO = "gateway.replies.test"
PASSED = datetime(2026, 1, 1, tzinfo=UTC)
"""A deadline by which nobody waits any more."""
_SAID = "SELECT subject, envelope::text AS envelope FROM outbox WHERE position > $1 ORDER BY position"


def envelope(message: M, **attributes: Any) -> Envelope[M]:
    """Wrap a command the way the gateway does."""
    return envelope_of(type(message))(
        **{
            "id": new_id(),
            "source": "/ledgerlink/gateway",
            "type": message.contract.type,
            "time": datetime.now(UTC),
            "correlationid": "test",
            "replyto": REPLY_TO,
            "data": message,
        }
        | attributes
    )


def idempotency(key: str | None = None, fingerprint: str = "0" * 64) -> Idempotency:
    """Return a key, a fresh one unless named."""
    return Idempotency(scope="test", key=key or str(new_id()), fingerprint=fingerprint)


def code(reply: Reply) -> str:
    """Return the outcome, and the code of the problem if there is one."""
    return f"{reply.outcome.value} {reply.problem.code}" if reply.problem else reply.outcome.value


@dataclass
class Bank:
    """Commands in, replies and events out. `replies` are by the id of the command that they answer."""

    database: Database
    replies: dict[UUID, Reply] = field(default_factory=dict)
    _heard: int = 0

    def __post_init__(self) -> None:
        self.transactions = Transactions(self.database, "wallet", self._hear)

    async def _hear(self, spoken: Spoken) -> None:
        for subject, payload in spoken.replies:
            assert subject == REPLY_TO
            reply = decode(payload, Reply)
            assert reply.causationid is not None
            self.replies[reply.causationid] = reply.data

    async def open(self, *commands: Envelope[OpenAccount]) -> list[Reply]:
        """Hand over a batch of openings; return the reply to each."""
        async with self.transactions.begin() as tx:
            await open_accounts(tx, commands)
        return [self.replies[c.id] for c in commands]

    async def post(self, *commands: Envelope[LedgerCommand], at: datetime | None = None) -> list[Reply]:
        """Hand over a batch of ledger commands, at some time; return the reply to each that asks for one."""
        async with self.transactions.begin() as tx:
            tx.now = at or tx.now
            await carry_out(tx, await read_wishes(commands))
        return [self.replies[c.id] for c in commands if c.replyto]

    async def sweep(self, at: datetime | None = None) -> None:
        """End the holds whose time is over, as the service does now and then."""
        async with self.transactions.begin() as tx:
            tx.now = at or tx.now
            await expire_holds(tx)

    async def said(self) -> list[tuple[str, dict[str, Any]]]:
        """Return what has been said since the last call: subject and envelope."""
        rows = await self.database.pool.fetch("SELECT position FROM outbox ORDER BY position DESC LIMIT 1")
        said = await self.database.pool.fetch(_SAID, self._heard)
        self._heard = rows[0]["position"] if rows else 0
        return [(row["subject"], json.loads(row["envelope"])) for row in said]

    async def wallet(self, owner: UUID | None = None, currency: str = "EUR", balance: int = 0) -> UUID:
        """Open a wallet, and fund it."""
        account = new_id()
        await self.open(opening(account, owner or new_id(), currency))
        if balance:
            await self.post(funding(account, balance, currency))
        return account

    async def balance(self, account: UUID) -> int:
        """Return an account's balance."""
        return int(await self.database.pool.fetchval("SELECT balance FROM account WHERE id = $1", account))

    async def balances(self, accounts: Sequence[UUID]) -> list[int]:
        """Return several accounts' balances."""
        return [await self.balance(account) for account in accounts]


def opening(account: UUID, owner: UUID, currency: str = "EUR", **attributes: Any) -> Envelope[OpenAccount]:
    """Return a command to open a wallet."""
    asked = attributes.pop("idempotency", None) or idempotency()
    return envelope(OpenAccount(account_id=account, owner=owner, currency=currency, idempotency=asked), **attributes)


def funding(account: UUID, amount: int, currency: str = "EUR", **attributes: Any) -> Envelope[FundAccount]:
    """Return a command to fund a wallet."""
    asked = attributes.pop("idempotency", None) or idempotency()
    transfer = attributes.pop("transfer_id", None) or new_id()
    return envelope(
        FundAccount(transfer_id=transfer, account_id=account, amount=amount, currency=currency, idempotency=asked),
        **attributes,
    )


def payment(payer: UUID, debit: UUID, credit: UUID, amount: int, **attributes: Any) -> Envelope[PostTransfer]:
    """Return a command of the payments service to move money between wallets; it expects no reply."""
    return envelope(
        PostTransfer(
            transfer_id=attributes.pop("transfer_id", None) or new_id(),
            debit_account=debit,
            credit_account=credit,
            amount=amount,
            currency=attributes.pop("currency", "EUR"),
            authorised_by=payer,
            reference=attributes.pop("reference", None) or new_id(),
        ),
        **({"replyto": None, "source": "/ledgerlink/payments"} | attributes),
    )


def transfer(debit: AccountRef, credit: AccountRef, amount: int, **facts: Any) -> Envelope[PostTransfer]:
    """Return an operator's command to move money."""
    asked = {"transfer_id": new_id(), "debit_account": debit, "credit_account": credit, "amount": amount}
    return envelope(PostTransfer.model_validate({**asked, "currency": "EUR"} | facts))


def reversing(transfer_id: UUID, amount: int | None = None, **facts: Any) -> Envelope[ReverseTransfer]:
    """Return a command to take a transfer back, or some of it."""
    return envelope(ReverseTransfer(**{"transfer_id": new_id(), "reverses": transfer_id, "amount": amount} | facts))


def leg(debit: AccountRef, credit: AccountRef, amount: int, currency: str = "EUR") -> TransferLeg:
    """Return a transfer of a journal."""
    return TransferLeg(
        transfer_id=new_id(), debit_account=debit, credit_account=credit, amount=amount, currency=currency
    )


def journal(*legs: Leg, **facts: Any) -> Envelope[PostJournal]:
    """Return a command to post linked transfers, all or none."""
    return envelope(PostJournal(**{"journal_id": new_id(), "legs": list(legs)} | facts))


def placing(debit: UUID, credit: AccountRef, amount: int, expires_at: datetime, **facts: Any) -> Envelope[PlaceHold]:
    """Return a command to reserve money."""
    asked = {"hold_id": new_id(), "debit_account": debit, "credit_account": credit, "amount": amount}
    return envelope(PlaceHold.model_validate({**asked, "currency": "EUR", "expires_at": expires_at} | facts))


async def place_short_hold(bank: Bank, debit: UUID, credit: UUID, amount: int) -> UUID:
    """Reserve money for as short as this machine can, let that time pass, and return the hold."""
    for seconds in (0.05, 0.2, 0.8, 3.2):
        expires_at = datetime.now(UTC) + timedelta(seconds=seconds)
        command = placing(debit, credit, amount, expires_at)
        [reply] = await bank.post(command)
        if reply.problem is None:
            await asyncio.sleep(max(0.0, (expires_at - datetime.now(UTC)).total_seconds()))
            return command.data.hold_id
        assert reply.problem.code == "expiry_in_past"
    raise AssertionError("too slow to place a hold of seconds")


def capturing(hold: UUID, amount: int | None = None, **facts: Any) -> Envelope[CaptureHold]:
    """Return a command to move what a hold reserves, or some of it."""
    return envelope(CaptureHold(**{"transfer_id": new_id(), "hold_id": hold, "amount": amount} | facts))


def voiding(hold: UUID, **facts: Any) -> Envelope[VoidHold]:
    """Return a command to give back what a hold reserves."""
    return envelope(VoidHold(**{"operation_id": new_id(), "hold_id": hold} | facts))


def extending(hold: UUID, expires_at: datetime, **facts: Any) -> Envelope[ExtendHold]:
    """Return a command to let a hold expire later."""
    return envelope(ExtendHold(**{"operation_id": new_id(), "hold_id": hold, "expires_at": expires_at} | facts))
