"""The list of disputes, and closing one."""

import time

from starlette.requests import Request
from starlette.responses import Response

from apps.sandbox_processor.api.answers import JSONAnswer
from apps.sandbox_processor.api.bodies import ClosingBody, json_body
from apps.sandbox_processor.api.company import company_of
from apps.sandbox_processor.api.errors import RefusedError
from apps.sandbox_processor.api.operations import page_limit
from apps.sandbox_processor.domain.views import dispute_view
from apps.sandbox_processor.handlers.close_dispute import close_dispute
from apps.sandbox_processor.store import disputes


async def list_disputes(request: Request) -> Response:
    """Answer an account's disputes, the oldest first."""
    company = company_of(request)
    account = company.client(request)
    found = disputes.listed(company.network.database, account, page_limit(request))
    return JSONAnswer({"data": [dispute_view(dispute) for dispute in found]})


async def post_closing(request: Request) -> Response:
    """Close a dispute as the customer's bank would: for tests and demonstrations."""
    company = company_of(request)
    account = company.client(request)
    body = await json_body(request, ClosingBody)
    try:
        dispute = close_dispute(company.network, account, request.path_params["dispute"], body.status, time.time())
    except KeyError:
        raise RefusedError(404, "dispute_not_found", "no dispute has this id") from None
    return JSONAnswer(dispute_view(dispute))
