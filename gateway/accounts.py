"""What the gateway knows of wallets: owner and currency, which never change and so are asked for once."""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from contracts.wallet import GetAccounts
from gateway.problems import ProblemError
from gateway.queries import Queries
from gateway.request_context import Caller, RequestContext


@dataclass(frozen=True, slots=True)
class Wallet:
    """A wallet's unchanging facts."""

    id: UUID
    owner: UUID
    currency: str


class Wallets:
    """A bounded cache of wallets that exist. That one does not exist is asked each time: it may be opened."""

    def __init__(self, queries: Queries, size: int) -> None:
        self._queries = queries
        self._size = size
        self._known: OrderedDict[UUID, Wallet] = OrderedDict()

    async def find(self, ids: Collection[UUID], context: RequestContext) -> dict[UUID, Wallet]:
        """Return those that exist. Raises ProblemError `unavailable`."""
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

    def _learn(self, account: dict[str, str]) -> None:
        if account.get("owner"):  # the ledger's own accounts are nobody's wallet
            wallet = Wallet(UUID(account["id"]), UUID(account["owner"]), account["currency"])
            self._known[wallet.id] = wallet

    async def visible(self, wallet_id: UUID, caller: Caller, context: RequestContext) -> Wallet:
        """Return a wallet that the caller may look at. Raises ProblemError `wallet_not_found`."""
        wallet = (await self.find([wallet_id], context)).get(wallet_id)
        if wallet is None or not (wallet.owner == caller.user or caller.is_operator):
            raise wallet_not_found("wallet_id")
        return wallet


def is_ours(identifier: UUID) -> bool:
    """Tell whether an id can be one of LedgerLink's, which all are UUIDv7; any other is the id of nothing."""
    return identifier.version == 7  # noqa: PLR2004 - the version's name is its number


def wallet_not_found(parameter: str) -> ProblemError:
    """Return the same answer for a wallet that does not exist and for one of somebody else."""
    detail = f"No wallet of yours has the id given as `{parameter}`; GET /v1/wallets lists yours."
    return ProblemError("wallet_not_found", detail, parameter=parameter)
