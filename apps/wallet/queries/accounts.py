"""Read accounts: a user's wallets, and the chart of accounts."""

import base64
import struct
from collections.abc import Collection
from datetime import UTC, datetime
from uuid import UUID

from apps.wallet.domain.account import Account as LedgerAccount
from apps.wallet.domain.resources import account_resource
from apps.wallet.domain.timeline import BEGINNING, instant, micros
from apps.wallet.store import accounts as store
from contracts.message import Envelope
from contracts.wallet import PAGE_LIMIT, Account, AccountPage, Accounts, GetAccounts, ListAccounts, ListChart
from outbox.database import Database, Reads
from outbox.responder import Refused

_FIRST = (BEGINNING, UUID(int=0))
_PLACE = struct.Struct(">q16s")


async def get_accounts(database: Database, query: Envelope[GetAccounts]) -> Accounts:
    """Return those accounts that exist, in the order in which they were asked for."""
    async with database.reads() as reads:
        found = await store.load_accounts(reads, set(query.data.ids))
        return Accounts(accounts=await _shown(reads, [found[i] for i in dict.fromkeys(query.data.ids) if i in found]))


async def list_accounts(database: Database, query: Envelope[ListAccounts]) -> Accounts:
    """Return an owner's wallets, oldest first, at most PAGE_LIMIT."""
    async with database.reads() as reads:
        return Accounts(accounts=await _shown(reads, await store.load_wallets(reads, query.data.owner, PAGE_LIMIT)))


async def list_chart(database: Database, query: Envelope[ListChart]) -> AccountPage:
    """Return a page of the chart of accounts. Refused with `cursor_invalid`."""
    asked = query.data
    after = _position(asked.cursor) if asked.cursor else _FIRST
    async with database.reads() as reads:
        found = await _find(reads, asked, after)
        shown = await _shown(reads, found[: asked.limit])
    last = found[asked.limit - 1] if len(found) > asked.limit else None
    return AccountPage(accounts=shown, next_cursor=_cursor(last) if last else None)


async def _find(reads: Reads, asked: ListChart, after: tuple[datetime, UUID]) -> list[LedgerAccount]:
    """Return the page, and one account more to tell whether there is another."""
    kind = asked.kind.value if asked.kind else None
    if asked.external_id is None:
        return await store.load_chart(reads, after, kind, asked.currency, asked.limit + 1)
    named = (await store.load_named_accounts(reads, {asked.external_id})).values()
    fits = (kind in {None, a.kind} and asked.currency in {None, a.currency} for a in named)
    return [a for a, fit in zip(named, fits, strict=True) if fit and (a.created_at, a.id) > after]


def _cursor(last: LedgerAccount) -> str:
    """Return the place after an account as text that goes into a URL as it is."""
    return base64.urlsafe_b64encode(_PLACE.pack(micros(last.created_at), last.id.bytes)).decode()


def _position(cursor: str) -> tuple[datetime, UUID]:
    try:
        age, identifier = _PLACE.unpack(base64.b64decode(cursor, altchars=b"-_", validate=True))
        return instant(age), UUID(bytes=identifier)
    except (ValueError, struct.error, OverflowError):
        raise Refused("cursor_invalid", "Take `next_cursor` of the page before.", "cursor") from None


async def _shown(reads: Reads, accounts: Collection[LedgerAccount]) -> list[Account]:
    due = await store.load_due(reads, accounts, datetime.now(UTC))
    return [account_resource(account, due.get(account.id, 0)) for account in accounts]
