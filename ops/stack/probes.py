"""How the supervisor and `ledgerlink status` ask a process whether it does its work."""

import asyncio
import http.client
from http import HTTPStatus

from ops.stack.component import Probe
from ops.stack.ports import HOST

TIMEOUT = 2.0
LARGEST_ANSWER = 4 * 2**20
SHOWN_ANSWER = 200


def http_probe(port: int, path: str) -> Probe:
    """Return a probe that is content with a 200 or 204 for `path`."""

    async def probe() -> str | None:
        status, body = await asyncio.to_thread(http_get, port, path)
        if status in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}:
            return None
        return f"{path} answered {status}: {body[:SHOWN_ANSWER].decode(errors='replace')}"

    return probe


def http_get(port: int, path: str) -> tuple[int, bytes]:
    """Return status and body of a GET on the loopback interface. Raises OSError when nothing answers HTTP."""
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(LARGEST_ANSWER)
    except http.client.HTTPException as error:
        raise ConnectionError(f"no HTTP answer on port {port}: {error!r}") from error
    finally:
        connection.close()
