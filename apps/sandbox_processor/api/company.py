"""What every route works with: the network, and who may ask it."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from apps.sandbox_processor.api.errors import RefusedError
from apps.sandbox_processor.handlers.network import Network

_SCHEME = "bearer"


@dataclass(frozen=True, slots=True)
class Company:
    """The network, and the API key of each account."""

    network: Network
    api_keys: Mapping[str, str]

    def client(self, request: Request) -> str:
        """Return the account that the URL names and the API key proves. Raises RefusedError."""
        account = self.account(request)
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != _SCHEME or not hmac.compare_digest(key.strip().encode(), self.api_keys[account].encode()):
            raise RefusedError(401, "unauthorised", "the API key is wrong or missing", {"WWW-Authenticate": "Bearer"})
        return account

    def account(self, request: Request) -> str:
        """Return the account that the URL names. Raises RefusedError."""
        account = str(request.path_params["account"])
        if account not in self.api_keys:
            raise RefusedError(404, "account_not_found", "there is no such account")
        return account


def company_of(request: Request) -> Company:
    """Return the company that a request was sent to."""
    company: Company = request.app.state.company
    return company
