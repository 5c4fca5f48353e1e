"""Users: registering, and what a user may do about the account."""

from ledgerlink_client.calls import Calls
from ledgerlink_client.models.identity import User


class Users:
    """Accounts of users."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def register(self, email: str, password: str) -> User:
        """Register a customer. Raises ConflictError `email_taken`, also when it was you and the answer was lost."""
        return await self._calls.change("/v1/users", User, {"email": email, "password": password})

    async def me(self) -> User:
        """Return the user that asks."""
        return await self._calls.get("/v1/users/me", User)
