"""POST, GET and the list of operations."""

import asyncio
import time

from starlette.requests import Request
from starlette.responses import Response

from apps.sandbox_processor.api.answers import JSONAnswer
from apps.sandbox_processor.api.bodies import OperationBody, idempotency_key, json_body
from apps.sandbox_processor.api.company import company_of
from apps.sandbox_processor.api.errors import RefusedError
from apps.sandbox_processor.domain.behaviours import Answering, behaviour_of
from apps.sandbox_processor.domain.operation import Ask, Operation
from apps.sandbox_processor.domain.views import operation_view
from apps.sandbox_processor.domain.words import STARTERS
from apps.sandbox_processor.handlers.execute_operation import Executed, KeyReusedError, execute_operation
from apps.sandbox_processor.handlers.network import Network
from apps.sandbox_processor.store import deliveries, operations, tokens

LONGEST_PAGE = 1000
WEBHOOK_AWAITED = 2.0
_LOOK_EVERY = 0.01
_LOST = frozenset({Answering.LOST, Answering.REQUEST_LOST})


async def post_operation(request: Request) -> Response:
    """Execute an operation, and answer when and how the table says."""
    company = company_of(request)
    network, account = company.network, company.client(request)
    ask = _ask(network, account, idempotency_key(request), await json_body(request, OperationBody))
    try:
        executed = execute_operation(network, ask, time.time())
    except KeyReusedError:
        raise RefusedError(409, "idempotency_key_reused", "the same key came with another body") from None
    await _answer_time(request, network, executed)
    if executed.operation is None:
        raise RefusedError(503, "unavailable", "nothing was executed; try again later")
    return _shown(network, executed.operation)


async def get_operation(request: Request) -> Response:
    """Answer how an operation stands, by the client's id."""
    company = company_of(request)
    account = company.client(request)
    key = request.path_params["operation_id"]
    operation = operations.by_operation_id(company.network.database, account, str(key))
    if operation is None:
        raise RefusedError(404, "operation_not_found", "no operation has this id")
    return _shown(company.network, operation)


async def list_operations(request: Request) -> Response:
    """Answer an account's operations in the order of their arrival: `limit` of them, `after` the given id."""
    company = company_of(request)
    account = company.client(request)
    limit = page_limit(request)
    page = operations.listed(company.network.database, account, request.query_params.get("after"), limit)
    base_url = company.network.base_url(account)
    return JSONAnswer({"data": [operation_view(o, base_url) for o in page], "has_more": len(page) == limit})


def page_limit(request: Request) -> int:
    """Return how much is asked for at once. Raises RefusedError."""
    text = request.query_params.get("limit", str(LONGEST_PAGE))
    limit = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= limit <= LONGEST_PAGE:
        raise RefusedError(400, "invalid_request", f"limit: from 1 to {LONGEST_PAGE}")
    return limit


def _ask(network: Network, account: str, operation_id: str, body: OperationBody) -> Ask:
    return Ask(
        account=account,
        operation_id=operation_id,
        type=body.type,
        amount=body.amount,
        currency=body.currency,
        fingerprint=body.fingerprint(),
        token=_well_known(network, account, body.method.token) if body.method and body.type in STARTERS else None,
        parent=body.parent,
        statement_descriptor=body.statement_descriptor,
        return_url=body.return_url,
        evidence=body.evidence,
        metadata=body.metadata,
    )


def _well_known(network: Network, account: str, token: str) -> str | None:
    """Return the row of the table that a token means, itself or as the client's own; None for no token of ours."""
    return token if behaviour_of(token) else tokens.stands_for(network.database, account, token)


async def _answer_time(request: Request, network: Network, executed: Executed) -> None:
    """Wait until it is time to answer. Raises RefusedError when nothing is to be answered."""
    try:
        if executed.answering in _LOST:
            await _hang(request, network.delays.hang)
        elif executed.answering is Answering.AFTER_WEBHOOK and executed.operation is not None:
            await _webhooks_taken(network, executed.operation)
        else:
            await asyncio.sleep(executed.after)
    except asyncio.CancelledError:  # the process stops
        raise _answer_lost() from None


async def _hang(request: Request, seconds: float) -> None:
    """Keep the client waiting until it gives up, or `seconds` at the most."""
    try:
        async with asyncio.timeout(seconds):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        pass
    raise _answer_lost()


def _answer_lost() -> RefusedError:
    return RefusedError(504, "lost", "the answer was lost; ask for the operation")


async def _webhooks_taken(network: Network, operation: Operation) -> None:
    for _ in range(round(WEBHOOK_AWAITED / _LOOK_EVERY)):
        if not deliveries.waits(network.database, operation.id):
            break
        await asyncio.sleep(_LOOK_EVERY)


def _shown(network: Network, operation: Operation) -> JSONAnswer:
    return JSONAnswer(operation_view(operation, network.base_url(operation.account)))
