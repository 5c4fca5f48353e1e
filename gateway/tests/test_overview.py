"""The overview: parts side by side within one deadline, by scope, and an answer as long as one of them came."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from contracts.identity import GetUser
from contracts.message import Message, Reply
from contracts.payments import ListPaymentIntents
from contracts.risk import ListReviews
from contracts.wallet import ListAccounts
from gateway.settings import GatewaySettings
from gateway.tests.conftest import Gateway, running
from gateway.tests.proofs import ProofKey
from gateway.tests.scripted_services import ScriptedServices, completed, refused

PATH = "/v1/overview"
ALL = "profile wallets payments reviews"
QUESTIONS: dict[str, type[Message]] = {
    "profile": GetUser,
    "balances": ListAccounts,
    "payments": ListPaymentIntents,
    "reviews": ListReviews,
}
SCOPES = {"profile": "profile", "balances": "wallets", "payments": "payments", "reviews": "reviews"}


@pytest.fixture
def shown(services: ScriptedServices, user: UUID) -> dict[str, Any]:
    """Let every service answer; return what is shown then."""
    profile, account = {"id": str(user)}, services.accounts[services.wallet(user)]
    services.answers[GetUser] = lambda q: completed({"id": str(q.user)})
    services.answers[ListAccounts] = lambda q: completed({"accounts": [account] if q.owner == user else []})
    services.answers[ListPaymentIntents] = lambda q: completed({"payment_intents": [{"party": str(q.party)}]})
    services.answers[ListReviews] = lambda _: completed({"reviews": [{"payment_intent_id": "p"}]})
    return {
        "profile": profile,
        "balances": [account],
        "payments": [{"party": str(user)}],
        "reviews": [{"payment_intent_id": "p"}],
        "missing": [],
        "not_granted": [],
    }


async def test_all_parts_in_one_answer(
    gateway: Gateway, services: ScriptedServices, user: UUID, shown: dict[str, Any]
) -> None:
    headers = services.signer.bearer(user, scope=ALL)
    answer = await gateway.http.get(PATH, headers=headers)
    assert (answer.status_code, answer.json()) == (200, shown)
    (asked,) = services.commands(ListPaymentIntents)
    assert asked.data.limit == 10
    assert (
        await gateway.http.get(PATH, headers=headers | {"If-None-Match": answer.headers["ETag"]})
    ).status_code == 304
    assert (await gateway.http.get(PATH)).status_code == 401


@pytest.mark.parametrize("part", QUESTIONS)
async def test_a_service_that_is_silent_or_refuses_is_missing_alone(
    gateway: Gateway, services: ScriptedServices, user: UUID, shown: dict[str, Any], part: str
) -> None:
    headers = services.signer.bearer(user, scope=ALL)
    del shown[part]
    answers: tuple[tuple[Reply | None, str], ...] = (
        (refused("user_not_found"), "user_not_found"),
        (None, "unavailable"),
    )
    for reply, code in answers:
        if reply is None:
            del services.answers[QUESTIONS[part]]
        else:
            services.answers[QUESTIONS[part]] = lambda _, reply=reply: reply  # type: ignore[misc]
        document = (await gateway.http.get(PATH, headers=headers)).json()
        (missing,) = document.pop("missing")
        assert (missing["part"], missing["code"], bool(missing["detail"])) == (part, code, True)
        assert document | {"missing": []} == shown


async def test_without_any_service_there_is_no_overview(
    gateway: Gateway, services: ScriptedServices, user: UUID, shown: dict[str, Any]
) -> None:
    assert shown
    for question in QUESTIONS.values():
        del services.answers[question]
    answer = await gateway.http.get(PATH, headers=services.signer.bearer(user, scope=ALL))
    document = answer.json()
    assert (answer.status_code, document["code"], answer.headers["Retry-After"]) == (503, "unavailable", "1")
    assert [missing["part"] for missing in document["missing"]] == list(QUESTIONS)


@pytest.mark.parametrize("part", QUESTIONS)
async def test_a_part_that_the_token_does_not_allow_is_not_asked_for(
    gateway: Gateway, services: ScriptedServices, user: UUID, shown: dict[str, Any], part: str
) -> None:
    only = services.signer.bearer(user, scope=SCOPES[part])
    document = (await gateway.http.get(PATH, headers=only)).json()
    others = [name for name in QUESTIONS if name != part]
    assert document == {part: shown[part], "missing": [], "not_granted": others}
    assert [name for name in others if services.commands(QUESTIONS[name])] == []


async def test_a_token_for_other_things_is_refused(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    answer = await gateway.http.get(PATH, headers=services.signer.bearer(user, scope="keys:manage"))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    key = ProofKey()
    token = services.signer.token(user, scope="keys:manage", cnf={"jkt": key.jkt})
    bound = {"Authorization": f"DPoP {token}", "DPoP": key.proof(PATH, token=token)}
    answer = await gateway.http.get(PATH, headers=bound)
    assert answer.status_code == 403
    assert answer.headers["WWW-Authenticate"].startswith("DPoP "), "in the scheme of the token"


async def test_the_parts_are_waited_for_side_by_side(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, user: UUID, shown: dict[str, Any]
) -> None:
    """All of them are asked before any has answered: three silent ones do not use up the time of the fourth."""
    for question in (GetUser, ListAccounts, ListPaymentIntents):
        del services.answers[question]
    async with running(settings(overview_seconds=3.0)) as gateway:
        asking = asyncio.create_task(gateway.http.get(PATH, headers=services.signer.bearer(user, scope=ALL)))
        async with asyncio.timeout(30):
            while not all(services.commands(question) for question in QUESTIONS.values()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert not asking.done()
        document = (await asking).json()
    assert document["reviews"] == shown["reviews"]
    assert [missing["part"] for missing in document["missing"]] == ["profile", "balances", "payments"]
