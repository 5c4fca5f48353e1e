"""GET /asyncapi: the messages for integrators to read, from the documents in docs/asyncapi."""

import asyncio

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.conditional import matches, tags_known
from gateway.message_pages.pages import Page, pages
from gateway.problems import ProblemError

router = APIRouter(include_in_schema=False)

_READ = ["GET", "HEAD"]
_NOT_MODIFIED = 304
# Everybody may keep it, and asks with its ETag whether it is still the same.
_CACHING = "public, max-age=0, must-revalidate"


@router.api_route("/asyncapi", methods=_READ, response_model=None)
async def overview(request: Request) -> Response:
    """Show which applications there are, and how their messages travel."""
    return await _shown("", request)


@router.api_route("/asyncapi/{name}", methods=_READ, response_model=None)
async def application(name: str, request: Request) -> Response:
    """Show one application's messages; with `.json` at its end, the document itself."""
    return await _shown(name, request)


async def _shown(name: str, request: Request) -> Response:
    page = (await asyncio.to_thread(pages)).get(name)
    if page is None:
        raise ProblemError("not_found", f"Nothing is at {request.url.path}; /asyncapi lists what there is.")
    compress = "gzip" in request.headers.get("accept-encoding", "")
    headers = _headers(page, compress=compress)
    if matches(tags_known(request.scope), headers["ETag"].encode()):
        return Response(status_code=_NOT_MODIFIED, headers=headers)
    if compress:
        headers["Content-Encoding"] = "gzip"
    return Response(page.compressed if compress else page.content, headers=headers, media_type=page.media_type)


def _headers(page: Page, *, compress: bool) -> dict[str, str]:
    """Return the headers of either form; each has an ETag of its own, as its bytes differ (RFC 9110 §8.8.3)."""
    headers = {
        "ETag": f'"{page.etag}-gzip"' if compress else f'"{page.etag}"',
        "Cache-Control": _CACHING,
        "Vary": "Accept-Encoding",
    }
    return headers | ({"Content-Security-Policy": page.policy} if page.policy else {})
