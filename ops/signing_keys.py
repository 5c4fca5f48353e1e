"""The signing keys of a running stack, as its admin sees them over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from contracts.identity import SigningKey, SigningKeyList
from ops.stack.errors import StackError
from ops.stack.layout import Layout
from ops.stack.ports import HOST, read_ports
from ops.stack.secrets import load_or_create
from ops.stack.state import read_state

_PATH = "/v1/signing_keys"
_DEADLINE = 15.0


async def list_keys(data_dir: Path) -> SigningKeyList:
    """Return all keys that sign, will sign or check, newest first. Raises StackError."""
    async with _admin(data_dir) as http:
        return SigningKeyList.model_validate(_answered(await http.get(_PATH)))


async def rotate_key(data_dir: Path) -> SigningKey:
    """Make the next key; return it. Raises StackError, also while the one before it does not sign yet."""
    async with _admin(data_dir) as http:
        return SigningKey.model_validate(_answered(await http.post(_PATH)))


@asynccontextmanager
async def _admin(data_dir: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Log the admin in whom the stack's secrets name, and out in the end."""
    layout = Layout.at(data_dir)
    state = read_state(layout.state)
    if state is None or all(record.process() is None for record in state.processes):
        raise StackError(f"nothing runs on {layout.root}; start it with `ledgerlink up`")
    secrets = load_or_create(layout.secrets)
    credentials = {"email": secrets.admin_email, "password": secrets.admin_password.get_secret_value()}
    base_url = f"http://{HOST}:{read_ports(layout.ports)['gateway']}"
    async with httpx.AsyncClient(base_url=base_url, timeout=_DEADLINE) as http:
        try:
            session = _answered(await http.post("/v1/sessions", json=credentials))
            http.headers["Authorization"] = f"Bearer {session['access_token']}"
            try:
                yield http
            finally:
                await http.delete(f"/v1/sessions/{session['session_id']}")
        except httpx.HTTPError as error:
            raise StackError(
                f"the gateway does not answer ({type(error).__name__}); see `ledgerlink status`"
            ) from error


def _answered(answer: httpx.Response) -> dict[str, Any]:
    """Return what was answered. Raises StackError with the problem's own words."""
    try:
        content: dict[str, Any] = answer.json()
    except ValueError as error:
        status = answer.status_code
        raise StackError(f"the gateway answers {status} without a document; see `ledgerlink status`") from error
    if not answer.is_success:
        raise StackError(str(content.get("detail") or content.get("title") or answer.status_code))
    return content
