"""GET /docs: the API to read and try, from files of our own, so that it needs nobody else's servers."""

import base64
import hashlib
import re

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

ASSETS = "/docs/assets"
router = APIRouter(include_in_schema=False)

_PAGE = get_swagger_ui_html(
    openapi_url="/openapi.json",
    title="LedgerLink",
    swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
    swagger_css_url=f"{ASSETS}/swagger-ui.css",
    swagger_favicon_url=f"{ASSETS}/favicon.png",
    swagger_ui_parameters={"persistAuthorization": True, "displayRequestDuration": True},
).body


def _policy(page: bytes) -> str:
    """Allow the page's own inline script by its hash (CSP level 3 §2.3.1), and files of this origin."""
    scripts = re.findall(rb"<script>(.*?)</script>", page, re.DOTALL)
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'" for script in scripts)
    return (
        f"default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )


_HEADERS = {"Content-Security-Policy": _policy(bytes(_PAGE))}


_READ = ["GET", "HEAD"]


@router.api_route("/", methods=_READ, response_model=None)
async def start() -> Response:
    """Send whoever opens the gateway's address in a browser to where the API can be read."""
    return RedirectResponse("/docs", 307)


@router.api_route("/docs", methods=_READ, response_model=None)
async def docs() -> Response:
    """Show the API, with a button to authorize and one to try each request."""
    return HTMLResponse(bytes(_PAGE), headers=_HEADERS)


def mount_assets(app: FastAPI) -> None:
    """Serve Swagger UI's files, which come with the package `fastapi-offline`."""
    app.mount(ASSETS, StaticFiles(packages=[("fastapi_offline", "static")]), "documentation assets")
