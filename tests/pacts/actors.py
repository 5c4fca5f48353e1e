"""Who acts in the story: people who are logged in, and ask over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from contracts.ids import new_id
from gateway.operations import OperationName
from tests.people import PASSWORD


@dataclass(frozen=True)
class Actor:
    """Somebody who is logged in."""

    http: httpx.AsyncClient
    id: str
    email: str
    header: Mapping[str, str]

    async def ask(self, method: str, path: str, body: Any = None, **more: str) -> httpx.Response:
        """Ask, whatever the answer is."""
        headers = {**self.header, "Idempotency-Key": str(new_id()), **more}
        return await self.http.request(method, f"/v1/{path}", json=body, headers=headers)

    async def get(self, path: str) -> Any:
        """Return what there is to read."""
        return good(await self.ask("GET", path))

    async def delete(self, path: str) -> None:
        """End what is there."""
        good(await self.ask("DELETE", path))

    async def follow(self, operation: str, path: str, /, **body: Any) -> None:
        """Ask for something, and then what has become of it."""
        key = str(new_id())
        good(await self.ask("POST", path, body, **{"Idempotency-Key": key}))
        await self.get(OperationName(operation, key).location.removeprefix("/v1/"))

    async def post(self, path: str, /, **body: Any) -> Any:
        """Return what came of a request."""
        return good(await self.ask("POST", path, body or None))


def good(answer: httpx.Response) -> Any:
    """Return the body of what went well."""
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


async def log_in(http: httpx.AsyncClient, email: str, password: str = PASSWORD) -> Actor:
    """Log somebody in."""
    session = good(await http.post("/v1/sessions", json={"email": email, "password": password}))
    header = {"Authorization": f"Bearer {session['access_token']}"}
    return Actor(http, good(await http.get("/v1/users/me", headers=header))["id"], email, header)


async def registered(http: httpx.AsyncClient, **told: str) -> Actor:
    """Register somebody new, and log them in."""
    email = f"{new_id()}@ledgerlink.example"
    good(await http.post("/v1/users", json={"email": email, "password": PASSWORD, **told}))
    return await log_in(http, email)


async def with_role(admin: Actor, role: str) -> Actor:
    """Register somebody new, whom the admin gives a role."""
    user = await registered(admin.http)
    await admin.post(f"users/{user.id}/role", role=role)
    return await log_in(admin.http, user.email)
