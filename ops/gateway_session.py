"""The gateway of a running stack, asked over HTTP in the name of somebody who is logged in for as long as it takes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from contracts.ids import new_id
from ops.stack.errors import StackError
from ops.stack.layout import Layout
from ops.stack.ports import HOST, read_ports
from ops.stack.state import read_state

_DEADLINE = 30.0


class GatewaySession:
    """Requests of somebody who is logged in. All of them raise StackError, with a problem's own words."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def get(self, path: str, parameters: dict[str, str] | None = None) -> dict[str, Any]:
        """Return what there is at a path."""
        return answered(await self._http.get(path, params=parameters))

    async def post(self, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        """Ask for something once."""
        return answered(await self.send(path, body, str(new_id())))

    async def send(self, path: str, body: dict[str, Any] | None, key: str) -> httpx.Response:
        """Ask for something under an idempotency key, and return the answer as it is."""
        return await self._http.post(path, json=body, headers={"Idempotency-Key": key})


def find_gateway(data_dir: Path) -> str:
    """Return the URL of the gateway of the running stack. Raises StackError."""
    layout = Layout.at(data_dir)
    state = read_state(layout.state)
    if state is None or all(record.process() is None for record in state.processes):
        raise StackError(f"nothing runs on {layout.root}; start it with `ledgerlink up`")
    return f"http://{HOST}:{read_ports(layout.ports)['gateway']}"


@asynccontextmanager
async def logged_in(gateway: str, email: str, password: SecretStr) -> AsyncIterator[GatewaySession]:
    """Log somebody in, and out in the end. Raises StackError."""
    async with httpx.AsyncClient(base_url=gateway, timeout=_DEADLINE) as http:
        try:
            credentials = {"email": email, "password": password.get_secret_value()}
            session = answered(await http.post("/v1/sessions", json=credentials))
            http.headers["Authorization"] = f"Bearer {session['access_token']}"
            try:
                yield GatewaySession(http)
            finally:
                await http.delete(f"/v1/sessions/{session['session_id']}")
        except httpx.HTTPError as error:
            raise StackError(f"the gateway does not answer ({type(error).__name__}) at {gateway}") from error


def answered(answer: httpx.Response) -> dict[str, Any]:
    """Return what was answered. Raises StackError with the problem's own words."""
    try:
        content: dict[str, Any] = answer.json()
    except ValueError as error:
        raise StackError(f"the gateway answers {answer.status_code} without a document") from error
    if not answer.is_success:
        raise StackError(str(content.get("detail") or content.get("title") or answer.status_code))
    return content
