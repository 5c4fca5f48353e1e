"""Conditional reads (RFC 9110 §13): a strong ETag over what a GET answers, 304 to who has it already, and HEAD."""

import base64
import hashlib
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]

_MOST_BYTES = 2**20  # beyond this a read costs more than its bytes
_OK, _NOT_MODIFIED = 200, 304
_ANY = b"*"
_TAG = rb'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS = re.compile(rb"[ \t,]*%b(?:[ \t]*,[ \t,]*%b)*[ \t,]*" % (_TAG, _TAG))  # §5.6.1.2: empty members are let pass
_OPAQUE = re.compile(rb'"[\x21\x23-\x7e\x80-\xff]*"')
_KEPT_AND_ASKED_FOR = (b"cache-control", b"private, no-cache")
_BODY_ONLY = frozenset({b"content-length", b"content-type", b"content-encoding"})
_NEVER = re.compile(rb"\bno-store\b")


class Conditional:
    """ASGI middleware, close to the routes: reads may be kept by their own client, which asks before it uses them.

    Only whole JSON bodies get a tag: streams, statements for paper, and what a route forbids to be kept have none.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; HEAD as the GET that it is, without its body (§9.3.2)."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, tags_known(scope), is_head=scope["method"] == "HEAD")
        as_get = {**scope, "method": "GET"}
        try:
            await self._app(as_get, answer.hearing(receive), answer.take)
        finally:
            if "route" in as_get:  # what the router has found, for those around us
                scope["route"] = as_get["route"]


class _Answer:
    """One answer on its way out; its start waits for the body, which tells the tag."""

    def __init__(self, send: Send, known: bytes, *, is_head: bool) -> None:
        self._send, self._known, self._is_head = send, known, is_head
        self._start: Message | None = None
        self._ended = False

    def hearing(self, receive: Receive) -> Receive:
        """Return what the application hears: that its client has left, once a HEAD has been answered."""

        async def heard() -> Message:
            return {"type": "http.disconnect"} if self._ended else await receive()

        return heard if self._is_head else receive

    async def take(self, message: Message) -> None:
        """Take a part of the answer."""
        if message["type"] == "http.response.start":
            self._start = message
        elif self._start is not None:
            start, self._start = self._start, None
            await self._begin(start, message)
        elif not self._is_head:
            await self._send(message)

    async def _begin(self, start: Message, first: Message) -> None:
        body: bytes = first.get("body", b"")
        if not first.get("more_body") and _is_kept(start, body):
            tag = _tag_of(body)
            start = {**start, "headers": _with_tag(start["headers"], tag)}
            if matches(self._known, tag):
                start = {**start, "status": _NOT_MODIFIED, "headers": _without_body(start["headers"])}
                first = {"type": "http.response.body", "body": b""}
        if self._is_head:
            self._ended = True
            first = {"type": "http.response.body", "body": b""}
        await self._send(start)
        await self._send(first)


def tags_known(scope: Scope) -> bytes:
    """Return the value of If-None-Match; several lines of it are one list (§5.3)."""
    return b", ".join(value for name, value in scope["headers"] if name == b"if-none-match").strip()


def _is_kept(start: Message, body: bytes) -> bool:
    if start["status"] != _OK or len(body) > _MOST_BYTES:
        return False
    headers: dict[bytes, bytes] = dict(start["headers"])
    is_json = headers.get(b"content-type", b"").partition(b";")[0] == b"application/json"
    return is_json and b"etag" not in headers and not _NEVER.search(headers.get(b"cache-control", b""))


def _tag_of(body: bytes) -> bytes:
    """Return a strong validator (§8.8.1): other bytes have another one."""
    digest = hashlib.blake2b(body, digest_size=18, usedforsecurity=False).digest()
    return b'"' + base64.urlsafe_b64encode(digest) + b'"'


def _with_tag(headers: Headers, tag: bytes) -> Headers:
    names = {name for name, _ in headers}
    kept = [] if b"cache-control" in names else [_KEPT_AND_ASKED_FOR]
    return [*headers, (b"etag", tag), *kept]


def _without_body(headers: Headers) -> Headers:
    """Return the headers of a 304: those that a cache updates what it has with, none of the body's (§15.4.5)."""
    return [(name, value) for name, value in headers if name not in _BODY_ONLY]


def matches(known: bytes, tag: bytes) -> bool:
    """Tell whether the client has this already: any at all, or the same by weak comparison (§8.8.3.2, §13.1.2)."""
    if known == _ANY:
        return True
    return bool(_TAGS.fullmatch(known)) and tag in _OPAQUE.findall(known)
