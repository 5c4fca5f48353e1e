"""Keeps the tokens of one client: gets the first, refreshes them in time, and never twice at once."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from ledgerlink_client.authentication import (
    FIRST_PARTY,
    AccessToken,
    ApiKey,
    Authentication,
    ClientCredentials,
    KeepTokens,
    Password,
    SavedTokens,
    Tokens,
    now,
)
from ledgerlink_client.decoding import decoded
from ledgerlink_client.errors import ProblemError, SecondFactorRequiredError, SessionEndedError
from ledgerlink_client.models.identity import TokenResponse
from ledgerlink_client.options import Options
from ledgerlink_client.transport import Request, Transport

REFRESH_SECONDS = 8.0
"""A refresh whose answer was lost may be repeated for ten seconds (RFC 9700 §4.14.2, as this API does it); presented
later, the token counts as stolen and ends the session."""
_ENDED = frozenset({"invalid_grant", "session_ended"})


class FixedToken:
    """Credentials that never change: an API key, or an access token that somebody else renews."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self) -> str:
        """Return it."""
        return self._token

    async def renew(self, refused: str) -> bool:  # noqa: ARG002 - what credentials are asked
        """There is no other one."""
        return False


class TokenKeeper:
    """Credentials by access tokens. Those who need a new one at the same time wait for the same renewal.

    The renewal goes on when who waits for it is canceled: its answer, once given, must not be lost.
    """

    def __init__(
        self,
        transport: Transport,
        source: Password | ClientCredentials | SavedTokens,
        keep: KeepTokens | None = None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._transport, self._source, self._keep, self._clock = transport, source, keep, clock
        self.tokens: Tokens | None = source.tokens if isinstance(source, SavedTokens) else None
        self._renewal: asyncio.Task[Tokens] | None = None

    async def token(self) -> str:
        """Return an access token that holds for a while yet. Raises SessionEndedError, or ProblemError of a login."""
        if self.tokens is None or self.tokens.is_due(self._clock()):
            await self._renewed()
        return self._known.access_token

    async def renew(self, refused: str) -> bool:
        """Get another token unless somebody has already. Raises as `token` does."""
        if self._known.access_token == refused:
            await self._renewed()
        return True

    async def take(self, response: TokenResponse) -> Tokens:
        """Go on with the tokens of an answer."""
        tokens = Tokens.of(response, self.tokens, self._clock())
        if self._keep:
            await self._keep(tokens)
        self.tokens = tokens
        return tokens

    def forget(self) -> None:
        """Drop the tokens, as their session has ended."""
        self.tokens = None

    @property
    def _known(self) -> Tokens:
        if self.tokens is None:
            raise SessionEndedError("the session has ended; log in again")
        return self.tokens

    async def _renewed(self) -> None:
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew(), name="renewal of tokens")
            self._renewal.add_done_callback(self._ended)
        await asyncio.shield(self._renewal)

    def _ended(self, renewal: asyncio.Task[Tokens]) -> None:
        self._renewal = None
        if not renewal.cancelled():
            renewal.exception()  # whoever still waits gets it; nobody may be left

    async def _renew(self) -> Tokens:
        if self.tokens and self.tokens.refresh_token:
            try:
                return await self._refresh(self.tokens.refresh_token)
            except ProblemError as problem:
                if problem.code not in _ENDED:
                    raise
                self.tokens = replace(self.tokens, refresh_token=None)
        match self._source:
            case Password():
                return await self._login(self._source)
            case ClientCredentials(client_id, client_secret, scope):
                form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
                return await self._ask(Request("POST", "/oauth/token", form=form, basic=(client_id, client_secret)))
            case SavedTokens():
                raise SessionEndedError("the session has ended; log in again")

    async def _refresh(self, refresh_token: str) -> Tokens:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        source, basic = self._source, None
        if isinstance(source, SavedTokens) and source.client_secret is not None:
            basic = (source.client_id, source.client_secret)
        else:
            form["client_id"] = source.client_id if isinstance(source, SavedTokens) else FIRST_PARTY
        return await self._ask(
            Request("POST", "/oauth/token", form=form, basic=basic), Options(deadline=REFRESH_SECONDS)
        )

    async def _login(self, source: Password) -> Tokens:
        known = self.tokens.device_token if self.tokens else source.device_token
        body: dict[str, Any] = {"email": source.email, "password": source.password}
        body |= {"device_token": known} if known else {}
        try:
            return await self._ask(Request("POST", "/v1/sessions", body=body))
        except SecondFactorRequiredError:
            if source.otp is None:
                raise
            return await self._ask(Request("POST", "/v1/sessions", body=body | {"otp": await source.otp()}))

    async def _ask(self, request: Request, options: Options | None = None) -> Tokens:
        came = await self._transport.send(request, None, options or Options())
        return await self.take(decoded(came, TokenResponse))


def keeper_of(transport: Transport, who: Authentication, keep: KeepTokens | None) -> FixedToken | TokenKeeper:
    """Return the credentials of who asks."""
    match who:
        case ApiKey(secret):
            return FixedToken(secret)
        case AccessToken(token):
            return FixedToken(token)
        case _:
            return TokenKeeper(transport, who, keep)
