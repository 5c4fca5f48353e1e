"""HTTP to strangers' endpoints: only to public hosts, bounded in time and size, and no further than where it was sent.

What a name resolves to is checked here, and the connection goes to the very address that was checked; TLS and the Host
header keep the name. No redirect is followed, no proxy is asked, no cookie is kept.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address

import httpcore

from apps.payments.domain.delivering import SendError
from apps.payments.domain.endpoint_urls import Target, UrlRefusedError, target_of
from apps.payments.domain.public_addresses import is_possible

TOTAL_SECONDS = 10.0
_CONNECT_SECONDS = 4.0
_ADDRESSES_TRIED = 3
_ANSWER_BYTES = 16 * 1024
LARGEST_BODY = 512 * 1024
_KEEP_ALIVE_SECONDS = 15.0
_KEPT_CONNECTIONS = 8
_KEPT_PLACES = 64
_RESOLVERS = 32

Resolve = Callable[[str], Awaitable[list[str]]]
"""Looks a host's addresses up. Raises OSError."""


class SendFailedError(Exception):
    """There was no answer."""

    def __init__(self, error: SendError) -> None:
        super().__init__(error.value)
        self.error = error


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered; its body is not looked at."""

    status_code: int
    retry_after: str | None


class SystemResolver:
    """The system's resolver, in threads of its own; a name is looked up once for all who wait for it.

    So a name whose servers do not answer occupies one thread, and names that can be resolved do not wait for it.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolver")
        self._under_way: dict[str, asyncio.Future[list[str]]] = {}

    async def __call__(self, host: str) -> list[str]:
        """Return the addresses of a host. Raises OSError."""
        looking = self._under_way.get(host)
        if looking is None:
            looking = asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host)
            self._under_way[host] = looking
            looking.add_done_callback(partial(self._looked_up, host))
        return await asyncio.shield(looking)

    def _looked_up(self, host: str, looking: "asyncio.Future[list[str]]") -> None:
        del self._under_way[host]
        if not looking.cancelled():
            looking.exception()  # is known then, also when nobody waits for it any more


def _look_up(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to nothing but addresses that it has checked itself."""

    def __init__(self, resolve: Resolve, *, inside: bool) -> None:
        self._resolve = resolve
        self._inside = inside
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's own signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a host. Raises SendFailedError, or what httpcore raises."""
        addresses = await self._addresses(host)
        if not all(is_possible(address, inside=self._inside) for address in addresses):
            raise SendFailedError(SendError.ADDRESS_REFUSED)
        tried = addresses[:_ADDRESSES_TRIED]
        for address in tried[:-1]:
            try:
                return await self._sockets.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._sockets.connect_tcp(tried[-1], port, timeout, local_address, socket_options)

    async def _addresses(self, host: str) -> list[str]:
        try:
            return [str(ip_address(host))]
        except ValueError:
            pass
        try:
            addresses = await self._resolve(host)
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            raise SendFailedError(SendError.NAME_NOT_RESOLVED)
        return addresses


@dataclass
class _Place:
    """The connections to one host and port, and how many requests are using them."""

    pool: httpcore.AsyncConnectionPool
    users: int = 0


class OutgoingHttp:
    """Posts to endpoints. `inside` is for development: this machine and private networks are allowed, too.

    Each host has a pool of its own, because finding a connection in a pool takes time in proportion to its size.
    """

    def __init__(self, *, inside: bool, resolve: Resolve | None = None, trust: ssl.SSLContext | None = None) -> None:
        self._inside = inside
        self._trust = trust or httpcore.default_ssl_context()
        self._backend = _CheckedBackend(resolve or SystemResolver(), inside=inside)
        self._places: dict[tuple[str, str, int], _Place] = {}

    async def close(self) -> None:
        """Close all connections."""
        for place in self._places.values():
            await place.pool.aclose()
        self._places.clear()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post a body and return the answer. Raises SendFailedError, at the latest after `TOTAL_SECONDS`."""
        if len(body) > LARGEST_BODY:
            raise ValueError(f"a body of {len(body)} bytes is not sent")
        try:
            target = target_of(url, inside=self._inside)
        except UrlRefusedError:
            raise SendFailedError(SendError.ADDRESS_REFUSED) from None
        request = httpcore.Request(
            "POST",
            httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path),
            headers=_with_host(headers, target.scheme, target.host, target.port, len(body)),
            content=body,
            extensions={"timeout": {"connect": _CONNECT_SECONDS}},
        )
        place = await self._place(target)
        try:
            return await self._exchange(place.pool, request)
        finally:
            place.users -= 1

    async def _place(self, target: Target) -> _Place:
        """Return the connections to a host, for one more user; those to the host unused for longest are closed."""
        name = (target.scheme, target.host, target.port)
        place = self._places.pop(name, None)
        if place is None:
            pool = httpcore.AsyncConnectionPool(
                ssl_context=self._trust,
                max_connections=None,
                max_keepalive_connections=_KEPT_CONNECTIONS,
                keepalive_expiry=_KEEP_ALIVE_SECONDS,
                network_backend=self._backend,
            )
            place = _Place(pool)
        place.users += 1
        self._places[name] = place
        if len(self._places) > _KEPT_PLACES:
            longest_unused = next((name for name, place in self._places.items() if not place.users), None)
            if longest_unused is not None:
                await self._places.pop(longest_unused).pool.aclose()
        return place

    async def _exchange(self, pool: httpcore.AsyncConnectionPool, request: httpcore.Request) -> Answer:
        answer: Answer | None = None
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                response = await pool.handle_async_request(request)
                answer = Answer(response.status, _header(response, b"retry-after"))
                try:
                    await _read_some(response)
                finally:
                    await response.aclose()
        except Exception as error:  # a stranger's server can fail in any way
            if answer is None:
                raise SendFailedError(_kind_of(error)) from error
        return answer


def _with_host(headers: Mapping[str, str], scheme: str, host: str, port: int, length: int) -> list[tuple[str, str]]:
    shown = f"[{host}]" if ":" in host else host
    if port != {"http": 80, "https": 443}[scheme]:
        shown = f"{shown}:{port}"
    return [("host", shown), ("content-length", str(length)), *headers.items()]


def _header(response: httpcore.Response, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), None)


async def _read_some(response: httpcore.Response) -> None:
    """Read an answer's body, so that the connection can be used again; of a large one only the beginning."""
    read = 0
    async for chunk in response.aiter_stream():
        read += len(chunk)
        if read > _ANSWER_BYTES:
            return


def _kind_of(error: Exception) -> SendError:
    """Return what went wrong; httpcore passes the system's error on as its own error's argument."""
    if isinstance(error, SendFailedError):
        return error.error
    if isinstance(error, TimeoutError | httpcore.TimeoutException):
        return SendError.TIMED_OUT
    if isinstance(error, ssl.SSLError) or any(isinstance(reason, ssl.SSLError) for reason in error.args):
        return SendError.TLS_FAILED
    return SendError.NOT_HTTP if isinstance(error, httpcore.ProtocolError) else SendError.CONNECTION_FAILED
