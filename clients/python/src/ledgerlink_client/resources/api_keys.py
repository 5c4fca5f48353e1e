"""API keys: how a merchant's own servers act for the merchant."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from ledgerlink_client.calls import Calls, given
from ledgerlink_client.listing import Listing
from ledgerlink_client.models.identity import ApiKey, NewApiKey

_PATH = "/v1/api_keys"


class ApiKeys:
    """The API keys of the user that asks. They demand that the user authenticated lately: see `sessions.step_up`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def create(self, name: str, scopes: Sequence[str], *, expires_at: datetime | None = None) -> NewApiKey:
        """Make a key; its `secret` is told once."""
        body = given(name=name, scopes=list(scopes), expires_at=expires_at)
        return await self._calls.change(_PATH, NewApiKey, body)

    def list(self) -> Listing[ApiKey]:
        """List the keys that hold, newest first."""
        return Listing(self._calls, _PATH, ApiKey, "keys", query={})

    async def rotate(self, key: UUID | str, *, overlap_hours: int = 24) -> NewApiKey:
        """Make a key that takes the place of another, which holds for `overlap_hours` more."""
        return await self._calls.change(f"{_PATH}/{key}/rotate", NewApiKey, {"overlap_hours": overlap_hours})

    async def revoke(self, key: UUID | str) -> None:
        """End a key at once."""
        await self._calls.do(f"{_PATH}/{key}", method="DELETE")
