"""What the gateway knows of accounts: owner, currency and wallet never change, and so are asked for once."""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from contracts.wallet import GetAccounts
from gateway.problems import ProblemError
from gateway.queries import Queries
from gateway.request_context import Caller, RequestContext


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """An account's unchanging facts. One without an owner is the ledger's own; the others are wallets.

    `wallet` is what the accounts of one wallet, one for each currency, have in common: the id of the first.
    """

    id: UUID
    owner: UUID | None
    currency: str
    wallet: UUID | None


class Wallets:
    """A bounded cache of accounts that exist. That one does not exist is asked each time: it may be opened."""

    def __init__(self, queries: Queries, size: int) -> None:
        self._queries = queries
        self._size = size
        self._known: OrderedDict[UUID, KnownAccount] = OrderedDict()

    async def find(self, ids: Collection[UUID], context: RequestContext) -> dict[UUID, KnownAccount]:
        """Return those that are wallets: the ledger's own accounts are nobody's. Raises ProblemError `unavailable`."""
        found = await self.find_accounts(ids, context)
        return {i: account for i, account in found.items() if account.owner is not None}

    async def find_accounts(self, ids: Collection[UUID], context: RequestContext) -> dict[UUID, KnownAccount]:
        """Return those that exist, the ledger's own among them. Raises ProblemError `unavailable`."""
        unknown = [i for i in set(ids) if i not in self._known and is_ours(i)]
        if unknown:
            answer = await self._queries.ask(GetAccounts.model_construct(ids=unknown), context)
            for account in answer["accounts"]:
                self._learn(account)
        found = {i: self._known[i] for i in ids if i in self._known}
        for i in found:
            self._known.move_to_end(i)
        while len(self._known) > self._size:
            self._known.popitem(last=False)
        return found

    def _learn(self, account: dict[str, Any]) -> None:
        owner, wallet = account.get("owner"), account.get("wallet")
        identifier = UUID(account["id"])
        self._known[identifier] = KnownAccount(
            identifier, UUID(owner) if owner else None, account["currency"], UUID(wallet) if wallet else None
        )

    async def visible(self, wallet_id: UUID, caller: Caller, context: RequestContext) -> KnownAccount:
        """Return a wallet that the caller may look at. Raises ProblemError `wallet_not_found`."""
        wallet = (await self.find([wallet_id], context)).get(wallet_id)
        if wallet is None or not (wallet.owner == caller.user or caller.sees_all):
            raise wallet_not_found("wallet_id")
        return wallet

    async def existing(self, account_id: UUID, context: RequestContext) -> KnownAccount:
        """Return an account that an operator names. Raises ProblemError `account_not_found`."""
        account = (await self.find_accounts([account_id], context)).get(account_id)
        if account is None:
            raise account_not_found()
        return account

    async def is_an_end(self, accounts: Collection[UUID], caller: Caller, context: RequestContext) -> bool:
        """Tell whether one of these accounts is the caller's."""
        return any(w.owner == caller.user for w in (await self.find(accounts, context)).values())


def is_ours(identifier: UUID) -> bool:
    """Tell whether an id can be one of LedgerLink's, which all are UUIDv7; any other is the id of nothing."""
    return identifier.version == 7  # noqa: PLR2004 - the version's name is its number


def wallet_not_found(parameter: str) -> ProblemError:
    """Return the same answer for a wallet that does not exist and for one of somebody else."""
    detail = f"No wallet of yours has the id given as `{parameter}`; GET /v1/wallets lists yours."
    return ProblemError("wallet_not_found", detail, parameter=parameter)


def account_not_found(parameter: str = "account_id") -> ProblemError:
    """Return the answer to an operator who names an account that does not exist."""
    detail = f"No account has the id given as `{parameter}`; GET /v1/accounts lists them."
    return ProblemError("account_not_found", detail, parameter=parameter)
