"""The page on which a customer authenticates: plain HTML that works without JavaScript, and takes JSON as well."""

import re
import time
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from apps.sandbox_processor.api.answers import JSONAnswer
from apps.sandbox_processor.api.authentication_html import STYLE_HASH, answered_page, missing_page, question_page
from apps.sandbox_processor.api.bodies import ResultBody, parsed, raw_body
from apps.sandbox_processor.api.company import company_of
from apps.sandbox_processor.api.errors import RefusedError
from apps.sandbox_processor.domain.operation import Operation
from apps.sandbox_processor.domain.views import operation_view
from apps.sandbox_processor.domain.words import Status
from apps.sandbox_processor.handlers.answer_authentication import answer_authentication
from apps.sandbox_processor.store import operations

_PLAIN_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")
_POLICY = f"default-src 'none'; style-src '{STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'"
_FORM = "application/x-www-form-urlencoded"


async def get_authentication(request: Request) -> Response:
    """Show the question, or what was answered."""
    company = company_of(request)
    account = company.account(request)
    operation = operations.by_id(company.network.database, account, request.path_params["operation"])
    if operation is None:
        return _page(missing_page(), None, 404)
    if operation.status is Status.REQUIRES_ACTION:
        return _page(question_page(operation), operation)
    return _page(answered_page(operation), operation)


async def post_authentication(request: Request) -> Response:
    """Take the answer; send a browser back to where it came from, and show JSON to a JSON client."""
    company = company_of(request)
    account = company.account(request)
    is_form = request.headers.get("Content-Type", "").partition(";")[0].strip().lower() == _FORM
    body = await raw_body(request)
    result = _form_result(body) if is_form else parsed(body, ResultBody).result
    reference = request.path_params["operation"]
    try:
        operation = answer_authentication(
            company.network, account, reference, approved=result == "approve", now=time.time()
        )
    except KeyError:
        if is_form:
            return _page(missing_page(), None, 404)
        raise RefusedError(404, "operation_not_found", "no operation has this id") from None
    if not is_form:
        return JSONAnswer(operation_view(operation, company.network.base_url(account)))
    if operation.return_url is None:
        return _page(answered_page(operation), operation)
    return RedirectResponse(operation.return_url, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def _form_result(body: bytes) -> str:
    fields = parse_qs(body.decode(errors="replace"), max_num_fields=10)
    results = fields.get("result", [])
    if results not in (["approve"], ["fail"]):
        raise RefusedError(400, "invalid_request", "result: approve or fail")
    return results[0]


def _page(html: str, operation: Operation | None, status: int = 200) -> Response:
    # Browsers hold the redirect after the form's POST against form-action too.
    back = f" {_source(operation.return_url)}" if operation and operation.return_url else ""
    headers = {
        "Content-Security-Policy": f"{_POLICY}; form-action 'self'{back}",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(html, status, headers)


def _source(url: str) -> str:
    """Return a URL's origin as a policy writes it; its scheme alone where the host is none that can stand in one."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if _PLAIN_HOST.fullmatch(parts.netloc) else f"{parts.scheme}:"
