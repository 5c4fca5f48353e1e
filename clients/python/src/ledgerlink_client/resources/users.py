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

    async def verify_email(self, token: str) -> User:
        """Prove the address with the token that was sent to it."""
        return await self._calls.change("/v1/email_verifications", User, {"token": token})

    async def change_password(self, current: str, new: str) -> None:
        """Change the password; it ends all other sessions."""
        await self._calls.do("/v1/users/me/password", {"current_password": current, "password": new})

    async def request_password_reset(self, email: str) -> None:
        """Have a token sent with which the password can be set, if the address has an account."""
        await self._calls.do("/v1/password_resets", {"email": email})

    async def reset_password(self, token: str, password: str) -> None:
        """Set the password with the token that was sent; it ends all sessions."""
        await self._calls.do("/v1/password_resets/confirm", {"token": token, "password": password})
