"""GET /docs: the API to read and try, from files of our own, so that it needs nobody else's servers."""

import base64
import hashlib
import re
from functools import cache

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html, get_swagger_ui_oauth2_redirect_html
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from gateway.dependencies import PartsDep

ASSETS = "/docs/assets"
COMES_BACK_TO = "/docs/oauth2-redirect"
"""The redirect URI, below the gateway's own address, of the OAuth client that GATEWAY_DOCS_CLIENT_ID names."""
router = APIRouter(include_in_schema=False)


@cache
def _docs(client_id: str) -> tuple[bytes, str]:
    """Return the page and its policy; its button can also go the way of an OAuth client where one is named."""
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="LedgerLink",
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{ASSETS}/favicon.png",
        oauth2_redirect_url=COMES_BACK_TO,
        # It is a public client, so it has no secret; the code is worth nothing without its verifier (RFC 7636).
        init_oauth={"clientId": client_id, "usePkceWithAuthorizationCodeGrant": True, "scopes": ""},
        swagger_ui_parameters={"persistAuthorization": True, "displayRequestDuration": True},
    )
    return bytes(page.body), _policy(bytes(page.body))


@cache
def _coming_back() -> tuple[bytes, str]:
    """Return the page that an authorization ends at, which hands the code to the one that opened it; and its policy."""
    page = bytes(get_swagger_ui_oauth2_redirect_html().body)
    return page, _policy(page)


def _policy(page: bytes) -> str:
    """Allow the page's own inline script by its hash (CSP level 3 §2.3.1), and files of this origin."""
    scripts = re.findall(rb"<script>(.*?)</script>", page, re.DOTALL)
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'" for script in scripts)
    return (
        f"default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )


def _shown(page: bytes, policy: str) -> Response:
    return HTMLResponse(page, headers={"Content-Security-Policy": policy})


_READ = ["GET", "HEAD"]


@router.api_route("/", methods=_READ, response_model=None)
async def start() -> Response:
    """Send whoever opens the gateway's address in a browser to where the API can be read."""
    return RedirectResponse("/docs", 307)


@router.api_route("/docs", methods=_READ, response_model=None)
async def docs(parts: PartsDep) -> Response:
    """Show the API, with a button to authorize and one to try each request."""
    return _shown(*_docs(parts.settings.docs_client_id))


@router.api_route(COMES_BACK_TO, methods=_READ, response_model=None)
async def coming_back() -> Response:
    """Take an authorization code for the page that asked for it."""
    return _shown(*_coming_back())


def mount_assets(app: FastAPI) -> None:
    """Serve Swagger UI's files, which come with the package `fastapi-offline`."""
    app.mount(ASSETS, StaticFiles(packages=[("fastapi_offline", "static")]), "documentation assets")
