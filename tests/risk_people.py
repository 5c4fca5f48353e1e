"""People of any role who ask over raw HTTP, and type `ledgerlink risk …`."""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx
from typer.testing import CliRunner, Result

from contracts.ids import new_id
from ops.cli import app
from ops.stack.stack import Stack
from tests.oauth_people import log_in
from tests.people import PASSWORD


@dataclass
class Person:
    """Somebody who asks with an access token."""

    http: httpx.AsyncClient
    id: str
    email: str
    header: dict[str, str]

    async def send(self, method: str, path: str, **body: Any) -> httpx.Response:
        headers = self.header | {"Idempotency-Key": str(new_id())}
        return await self.http.request(method, path, json=body or None, headers=headers)

    async def get(self, path: str, **asked: Any) -> httpx.Response:
        return await self.http.get(path, params=asked, headers=self.header)

    async def wallet(self, currency: str) -> str:
        """Open a wallet, and return its id."""
        return str((await self.send("POST", "/v1/wallets", currency=currency)).json()["id"])

    @property
    def login(self) -> dict[str, str]:
        """What a command is told of them by its environment."""
        return {"LEDGERLINK_EMAIL": self.email, "LEDGERLINK_PASSWORD": PASSWORD}


async def new_person(stack: Stack, http: httpx.AsyncClient, role: str = "customer") -> Person:
    """Register somebody, and let the admin give them a role."""
    email = f"{new_id()}@ledgerlink.example"
    user = (await http.post("/v1/users", json={"email": email, "password": PASSWORD})).json()
    if role != "customer":
        secrets = stack.parts.secrets
        admin = await log_in(http, secrets.admin_email, secrets.admin_password.get_secret_value())
        made = await http.post(f"/v1/users/{user['id']}/role", json={"role": role}, headers=admin)
        assert made.status_code == 200, made.text
    return Person(http, user["id"], email, await log_in(http, email, PASSWORD))


async def risk_command(stack: Stack, *words: str, **environment: str) -> Result:
    """Type a command on the stack's data."""
    where = ["--data-dir", str(stack.layout.root)]
    return await asyncio.to_thread(CliRunner().invoke, app, ["risk", *words, *where], env=environment)
