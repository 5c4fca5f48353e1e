"""The limits of a running stack: read in risk's database, set over HTTP in the name of an analyst."""

from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from contracts.ids import new_id
from contracts.risk import TierLimit
from ops.stack.errors import StackError
from ops.stack.layout import Layout
from ops.stack.ports import HOST, read_ports
from ops.stack.state import read_state
from outbox.database import Database

_PATH = "/v1/risk/limits"
_DEADLINE = 15.0


async def show_limits(url: str) -> list[TierLimit]:
    """Return the limits that hold now. Raises OSError, asyncpg.PostgresError."""
    from apps.risk.store import limits

    database = Database(url, 1)
    await database.open()
    try:
        async with database.reads() as reads:
            return await limits.load_limits(reads, None)
    finally:
        await database.close()


async def set_limit(gateway: str, email: str, password: SecretStr, limit: dict[str, Any]) -> TierLimit:
    """Set a limit in the name of an analyst, who is logged in and out for it. Raises StackError."""
    async with httpx.AsyncClient(base_url=gateway, timeout=_DEADLINE) as http:
        try:
            credentials = {"email": email, "password": password.get_secret_value()}
            session = _answered(await http.post("/v1/sessions", json=credentials))
            http.headers["Authorization"] = f"Bearer {session['access_token']}"
            try:
                answer = await http.post(_PATH, json=limit, headers={"Idempotency-Key": str(new_id())})
                return TierLimit.model_validate(_answered(answer))
            finally:
                await http.delete(f"/v1/sessions/{session['session_id']}")
        except httpx.HTTPError as error:
            raise StackError(f"the gateway does not answer ({type(error).__name__}) at {gateway}") from error


def find_gateway(data_dir: Path) -> str:
    """Return the URL of the gateway of the running stack. Raises StackError."""
    layout = Layout.at(data_dir)
    state = read_state(layout.state)
    if state is None or all(record.process() is None for record in state.processes):
        raise StackError(f"nothing runs on {layout.root}; start it with `ledgerlink up`")
    return f"http://{HOST}:{read_ports(layout.ports)['gateway']}"


def _answered(answer: httpx.Response) -> dict[str, Any]:
    """Return what was answered. Raises StackError with the problem's own words."""
    try:
        content: dict[str, Any] = answer.json()
    except ValueError as error:
        raise StackError(f"the gateway answers {answer.status_code} without a document") from error
    if not answer.is_success:
        raise StackError(str(content.get("detail") or content.get("title") or answer.status_code))
    return content
