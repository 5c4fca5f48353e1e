"""Step-up (RFC 9470): what is sensitive is only for a person who has authenticated lately, and surely enough.

A route asks for it behind its caller, so that who may not at all is told so first:

    async def rotate(caller: KeyManager, _fresh: FreshAdmin, ...) -> Response

and documents `problems(STEP_UP | ...)`.
"""

import time
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends

from contracts.identity import Acr
from gateway.challenges import insufficient_authentication, scheme_of
from gateway.dependencies import AnyCaller, PartsDep
from gateway.request_context import Caller

STEP_UP: dict[str, str] = {
    "insufficient_user_authentication": "This needs a person who has authenticated within the last 900 seconds; "
    "authenticate again with POST /v1/sessions/step_up."
}
"""How a route documents that it asks for this."""


async def fresh(caller: AnyCaller, parts: PartsDep) -> None:
    """Ask for an authentication within GATEWAY_FRESH_SECONDS.

    Raises ProblemError `insufficient_user_authentication`; API keys and clients of their own never pass.
    """
    _check(caller, parts.settings.fresh_seconds, None)


async def fresh_admin(caller: AnyCaller, parts: PartsDep) -> None:
    """Ask for the same where roles and signing keys are changed, as surely as GATEWAY_ADMIN_ACR says."""
    _check(caller, parts.settings.fresh_seconds, parts.settings.admin_acr)


Fresh = Annotated[None, Depends(fresh)]
FreshAdmin = Annotated[None, Depends(fresh_admin)]


def authenticated_at(caller: Caller) -> datetime | None:
    """Return when a caller last proved who they are, as services are told it; None for what is no person."""
    if caller.authenticated_at is None:
        return None
    return datetime.fromtimestamp(caller.authenticated_at, UTC)


def _check(caller: Caller, max_age: int, acr: Acr | None) -> None:
    second = acr is Acr.TWO_FACTORS
    lately = caller.authenticated_at is not None and caller.authenticated_at >= time.time() - max_age
    if lately and (caller.acr is Acr.TWO_FACTORS or (caller.acr is not None and not second)):
        return
    how = " with a second factor" if second else ""
    detail = (
        f"This needs a person who has authenticated{how} within the last {max_age} seconds; "
        "authenticate again with POST /v1/sessions/step_up."
    )
    raise insufficient_authentication(detail, max_age, acr if second else None, scheme_of(caller))
