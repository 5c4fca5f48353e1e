"""What a user sees first, asked of all services at once within one deadline; what does not come is missing."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.identity import GetUser, Scope
from contracts.message import Message
from contracts.payments import ListPaymentIntents
from contracts.risk import ListReviews
from contracts.wallet import ListAccounts
from gateway.challenges import insufficient_scope, scheme_of
from gateway.problems import ProblemError
from gateway.queries import Queries
from gateway.request_context import Caller, RequestContext

LATEST = 10
"""Payments and reviews that are shown, the newest ones."""
_NOTHING = "No service answers now; send the request again in a moment."


@dataclass(frozen=True, slots=True)
class Part:
    """One part: who may see it, what is asked for it, and which member of the answer it is (None: all of it)."""

    name: str
    scope: Scope
    question: Callable[[Caller], Message]
    member: str | None


PARTS = (
    Part("profile", Scope.PROFILE, lambda caller: GetUser.model_construct(user=caller.user), None),
    Part("balances", Scope.WALLETS, lambda caller: ListAccounts.model_construct(owner=caller.user), "accounts"),
    Part(
        "payments",
        Scope.PAYMENTS,
        lambda caller: ListPaymentIntents.model_construct(party=caller.user, limit=LATEST),
        "payment_intents",
    ),
    Part("reviews", Scope.REVIEWS, lambda _: ListReviews.model_construct(limit=LATEST), "reviews"),
)


async def overview(caller: Caller, queries: Queries, context: RequestContext, seconds: float) -> Mapping[str, Any]:
    """Return the parts that came within `seconds`; `missing` and `not_granted` name the others.

    Raises ProblemError `unavailable` when none came, and `insufficient_scope` when the token allows none.
    """
    granted = [part for part in PARTS if part.scope in caller.scopes]
    if not granted:
        raise insufficient_scope(Scope.PROFILE, scheme=scheme_of(caller))
    answers = await asyncio.gather(*(_answer(part, caller, queries, context, seconds) for part in granted))
    missing = [
        {"part": part.name, "code": answer.code, "detail": answer.detail}
        for part, answer in zip(granted, answers, strict=True)
        if isinstance(answer, ProblemError)
    ]
    if len(missing) == len(granted):
        raise ProblemError("unavailable", _NOTHING, members={"missing": missing})
    shown = {
        part.name: answer if part.member is None else answer[part.member]
        for part, answer in zip(granted, answers, strict=True)
        if not isinstance(answer, ProblemError)
    }
    return shown | {"missing": missing, "not_granted": [part.name for part in PARTS if part not in granted]}


async def _answer(
    part: Part, caller: Caller, queries: Queries, context: RequestContext, seconds: float
) -> Mapping[str, Any] | ProblemError:
    """Ask for one part. A service's trouble is its own part's only, so it is returned."""
    try:
        return await queries.ask(part.question(caller), context, seconds)
    except ProblemError as problem:
        return problem
