"""The API as one caller sees it."""

from types import TracebackType
from typing import Self

import httpx

from ledgerlink_client.authentication import Authentication, KeepTokens, Password, Tokens
from ledgerlink_client.calls import Calls
from ledgerlink_client.errors import LedgerLinkError
from ledgerlink_client.models.operations import Overview
from ledgerlink_client.resources.api_keys import ApiKeys
from ledgerlink_client.resources.disputes import Disputes
from ledgerlink_client.resources.holds import Holds
from ledgerlink_client.resources.operations import Operations
from ledgerlink_client.resources.payment_intents import PaymentIntents
from ledgerlink_client.resources.refunds import Refunds
from ledgerlink_client.resources.sessions import Sessions
from ledgerlink_client.resources.transfers import Transfers
from ledgerlink_client.resources.users import Users
from ledgerlink_client.resources.wallets import Wallets
from ledgerlink_client.resources.webhook_endpoints import WebhookEndpoints
from ledgerlink_client.retrying import Retries
from ledgerlink_client.token_keeper import TokenKeeper, keeper_of
from ledgerlink_client.transport import Transport
from ledgerlink_client.version import USER_AGENT

USUAL_RETRIES = Retries()


def connected(url: str, retries: Retries = USUAL_RETRIES) -> Transport:
    """Return the connections to the API at a URL; they are opened when they are needed."""
    return Transport(httpx.AsyncClient(base_url=url, headers={"User-Agent": USER_AGENT}), retries)


class LedgerLink:
    """A client of the API at a URL (or over connections of one's own), for one caller or for none yet.

    `async with` closes its connections. It may be used by many tasks at once; `acting_as` gives another caller a client
    of the same connections. All methods raise LedgerLinkError, of the kinds that ledgerlink_client.errors has.
    `keep_tokens` is called with new tokens, so that they can be kept; go on later with `SavedTokens`.
    """

    def __init__(
        self,
        at: str | Transport,
        who: Authentication | None = None,
        *,
        retries: Retries = USUAL_RETRIES,
        keep_tokens: KeepTokens | None = None,
    ) -> None:
        self._transport = at if isinstance(at, Transport) else connected(at, retries)
        self._who = keeper_of(self._transport, who, keep_tokens) if who else None
        self._calls = calls = Calls(self._transport, self._who)
        self.users = Users(calls)
        self.sessions = Sessions(calls)
        self.api_keys = ApiKeys(calls)
        self.wallets = Wallets(calls)
        self.transfers = Transfers(calls)
        self.holds = Holds(calls)
        self.payment_intents = PaymentIntents(calls)
        self.refunds = Refunds(calls)
        self.disputes = Disputes(calls)
        self.webhook_endpoints = WebhookEndpoints(calls)
        self.operations = Operations(calls)

    def acting_as(self, who: Authentication, *, keep_tokens: KeepTokens | None = None) -> "LedgerLink":
        """Return a client for another caller, over the same connections."""
        return LedgerLink(self._transport, who, keep_tokens=keep_tokens)

    async def login(self, email: str, password: str) -> "LedgerLink":
        """Log a user in, now, and return a client for them. Raises NotAuthenticatedError."""
        user = self.acting_as(Password(email, password))
        await user.authenticate()
        return user

    async def register_and_login(self, email: str, password: str) -> "LedgerLink":
        """Register a customer, log in, and return a client for them."""
        await self.users.register(email, password)
        return await self.login(email, password)

    async def overview(self) -> Overview:
        """Read profile, balances, latest payments and open reviews at once; what is missing is said so."""
        return await self._calls.get("/v1/overview", Overview)

    async def authenticate(self) -> Tokens:
        """Get tokens if there are none that hold, rather than with the first request; return them."""
        keeper = self._keeper()
        await keeper.token()
        return self.tokens

    @property
    def tokens(self) -> Tokens:
        """The tokens of now. Raises LedgerLinkError when there are none."""
        tokens = self._keeper().tokens
        if tokens is None:
            raise LedgerLinkError("there are no tokens yet; authenticate first")
        return tokens

    def _keeper(self) -> TokenKeeper:
        if not isinstance(self._who, TokenKeeper):
            raise LedgerLinkError("this client has no user or client whose tokens there could be")
        return self._who

    async def __aenter__(self) -> Self:
        await self._transport.http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.http.__aexit__(kind, error, trace)

    async def close(self) -> None:
        """Close the connections, of all clients that share them."""
        await self._transport.http.aclose()
