"""Sessions: logins that hold, ending them, and authenticating again within one."""

from uuid import UUID

from ledgerlink_client.authentication import Tokens
from ledgerlink_client.calls import Calls, given
from ledgerlink_client.errors import LedgerLinkError
from ledgerlink_client.listing import Listing
from ledgerlink_client.models.identity import Session, TokenResponse
from ledgerlink_client.token_keeper import TokenKeeper


class Sessions:
    """The sessions of the user that asks."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(self) -> Listing[Session]:
        """List what is logged in, last used first."""
        return Listing(self._calls, "/v1/sessions", Session, "sessions", query={})

    async def end(self, session: UUID | str) -> None:
        """End one session: its tokens hold no longer."""
        await self._calls.do(f"/v1/sessions/{session}", method="DELETE")

    async def log_out(self) -> None:
        """End this session, and forget its tokens."""
        keeper = self._keeper()
        await keeper.token()
        if keeper.tokens and keeper.tokens.session_id:
            await self.end(keeper.tokens.session_id)
        keeper.forget()

    async def step_up(self, *, password: str | None = None, otp: str | None = None) -> Tokens:
        """Authenticate again within this session (RFC 9470), and go on with the token that says so."""
        keeper, body = self._keeper(), given(password=password, otp=otp)
        return await keeper.take(await self._calls.change("/v1/sessions/step_up", TokenResponse, body))

    def _keeper(self) -> TokenKeeper:
        if not isinstance(self._calls.who, TokenKeeper):
            raise LedgerLinkError("an API key has no session")
        return self._calls.who
