"""The pages of the authorization endpoint: HTML that needs no script, no cookie and nobody else's servers."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from contracts.identity import MEANINGS, AuthorizationPrompt, AuthorizationRequest, Scope, SignedIn
from gateway.oauth.redirects import form_target

AUTHORIZE = "/oauth/authorize"
SIGN_IN = "/oauth/sign_in"
CONSENT = "/oauth/consent"
_HERE = Path(__file__).parent
_STYLE = (_HERE / "style.css").read_text()
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_TEMPLATES = Environment(
    loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_TEMPLATES.globals["style"] = Markup(_STYLE)  # noqa: S704 - our own file, which has no markup


@dataclass(frozen=True)
class Typed:
    """What somebody has typed, and what is wrong with it; a page shows the e-mail address again, nothing else."""

    email: str = ""
    errors: Sequence[str] = ()
    asks_code: bool = False


def sign_in_page(
    request: AuthorizationRequest, prompt: AuthorizationPrompt, typed: Typed, status: int = 200
) -> HTMLResponse:
    """Return the page on which a user signs in; the authorization request travels in its hidden fields."""
    email = typed.email or request.login_hint
    shown = {
        "client_name": prompt.client_name,
        "request_fields": sorted(_sent(request).items()),
        "redirect_host": _host(request.redirect_uri),
        "email": email,
        "errors": typed.errors,
        "asks_code": typed.asks_code,
        "focus": "password" if email else "email",
    }
    return _page("sign_in.html", shown, status, form_target(request.redirect_uri))


def consent_page(request: AuthorizationRequest, signed_in: SignedIn) -> HTMLResponse:
    """Return the page on which a user is asked, in words."""
    shown = {
        "client_name": signed_in.client_name,
        "email": signed_in.email,
        "meanings": [MEANINGS[Scope(scope)] for scope in signed_in.scopes],
        "ticket": signed_in.ticket,
        "again": f"{AUTHORIZE}?{urlencode(_sent(request))}",
        "redirect_host": _host(request.redirect_uri),
    }
    return _page("consent.html", shown, 200, form_target(request.redirect_uri))


def error_page(heading: str, detail: str, reference: str, status: int) -> HTMLResponse:
    """Return the page for what cannot be told to any app, because it is not sure that there is one."""
    return _page("error.html", {"heading": heading, "detail": detail, "reference": reference}, status, None)


def account_page(template: str, shown: Mapping[str, Any], status: int) -> HTMLResponse:
    """Return a page about somebody's own account (gateway.routes.account_pages), whose form leads nowhere else."""
    return _page(template, shown, status, "")


def _sent(request: AuthorizationRequest) -> dict[str, str]:
    return {name: value for name, value in request.model_dump().items() if value}


def _host(redirect_uri: str) -> str:
    return urlsplit(redirect_uri).netloc


def _page(template: str, shown: Mapping[str, Any], status: int, form_goes_on_to: str | None) -> HTMLResponse:
    """Render a page. Browsers apply form-action to redirects, too, so it names where a form leads in the end."""
    targets = "'none'" if form_goes_on_to is None else f"'self' {form_goes_on_to}".strip()
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {targets}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return HTMLResponse(_TEMPLATES.get_template(template).render(shown), status, headers)
