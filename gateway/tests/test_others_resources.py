"""What belongs to somebody else is a 404, like what does not exist: every operation that names such a thing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.identity import GRANTED, Role, Scope
from contracts.ids import new_id
from contracts.message import REGISTRY, Kind, Message, Reply
from contracts.wallet import GetAccounts, GetHold, GetTransfer
from gateway.operations import OperationName
from gateway.tests.conftest import Gateway
from gateway.tests.openapi_document import operations, scopes_of
from gateway.tests.scripted_services import NOW, ScriptedServices, completed, refused

OWNED: Mapping[str, str] = {
    "wallet_id": "wallet_not_found",
    "transfer_id": "transfer_not_found",
    "hold_id": "hold_not_found",
    "payment_intent_id": "payment_intent_not_found",
    "refund_id": "refund_not_found",
    "dispute_id": "dispute_not_found",
    "endpoint_id": "endpoint_not_found",
    "delivery_id": "delivery_not_found",
    "operation_id": "operation_not_found",  # at processors they are nobody's
    "session_id": "session_not_found",
    "passkey_id": "passkey_not_found",
    "api_key_id": "api_key_not_found",
    "client_id": "client_not_found",
}
"""What users own, by the parameter that names it, and what another is told."""
NOBODYS = {
    "account_id",
    "journal_id",
    "period_id",
    "reconciliation_id",
    "number",
    "user_id",
    "code",
    "processor",
    "webhook_id",
    "assessment_id",
    "case_id",
    "model_hash",
    "rule_set",
    "backtest_id",
    "entry_id",
    "screening_id",
}
"""What no user owns: who has its scope sees it all."""
OF_RISK = {Scope.RISK_READ, Scope.RISK_WRITE, Scope.RISK_APPROVE}
OF_ALL = OF_RISK | {Scope.LEDGER_READ, Scope.LEDGER_WRITE, Scope.REVIEWS, Scope.USERS, Scope.KEYS, Scope.AUDIT}
BODIES: Mapping[str, Any] = {
    "post /v1/holds/{hold_id}/extensions": {"expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()},
    "post /v1/payment_intents/{payment_intent_id}": {"description": "Mine?"},
    "post /v1/disputes/{dispute_id}/evidence": {"evidence": {"note": "Mine?"}},
    "patch /v1/webhook_endpoints/{endpoint_id}": {"description": "Mine?"},
    "post /v1/webhook_endpoints/{endpoint_id}/replay": {"since": NOW},
}
QUERIES: Mapping[str, Any] = {
    "get /v1/wallets/{wallet_id}/statement": {"starts_at": NOW, "ends_at": "2026-01-06T09:30:00Z"},
}


def _named(name: str) -> str:
    """Return the last parameter of a path: what the operation is about."""
    found: list[str] = re.findall(r"\{(\w+)\}", name)
    return found[-1]


@dataclass
class Stranger:
    """Who asks for what is not theirs; `refusal` is what services answer whoever it does not belong to."""

    user: UUID = field(default_factory=new_id)
    refusal: str = ""


@pytest.fixture
def stranger(services: ScriptedServices) -> Stranger:
    """Services know everything, unless they are told that it is the stranger who asks for it."""
    stranger, owner = Stranger(), new_id()

    def answer(asked: Message) -> Reply:
        said = asked.model_dump_json(exclude={"idempotency"})
        return refused(stranger.refusal) if str(stranger.user) in said else completed({"id": str(new_id())})

    def accounts(query: GetAccounts) -> Reply:
        named = {"owner": str(owner), "currency": "EUR", "balance": 0, "floor": 0, "created_at": NOW}
        return completed({"accounts": [{"id": str(identifier), **named} for identifier in query.ids]})

    for message in REGISTRY.values():
        if message.contract.kind is Kind.QUERY:
            services.answers.setdefault(message, answer)
        elif message.contract.kind is Kind.COMMAND:
            services.scripts[message] = lambda asked: [answer(asked)]
    ends = {side: str(services.wallet(owner)) for side in ("debit_account", "credit_account")}
    services.answers[GetTransfer] = services.answers[GetHold] = lambda _: completed({"id": str(new_id()), **ends})
    services.answers[GetAccounts] = accounts
    return stranger


async def test_what_is_somebody_elses_is_not_there(
    gateway: Gateway, services: ScriptedServices, document: dict[str, Any], stranger: Stranger
) -> None:
    scope = " ".join(GRANTED[Role.MERCHANT])
    headers = services.signer.bearer(stranger.user, role="merchant", scope=scope) | {"Idempotency-Key": "key-1"}
    asked = 0
    for name, operation in operations(document):
        if "{" not in name or _named(name) not in OWNED or (scopes_of(operation) or set()) & OF_ALL:
            continue
        method, template = name.split(" ", maxsplit=1)
        stranger.refusal = OWNED[_named(name)]
        values = {"operation_id": OperationName("open_wallet", "key-1").id}
        path = re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], str(new_id())), template)  # noqa: B023
        answer = await gateway.http.request(
            method.upper(), path, headers=headers, json=BODIES.get(name), params=QUERIES.get(name)
        )
        assert (answer.status_code, answer.json().get("code")) == (404, stranger.refusal), name
        asked += 1
    assert asked > 30


def test_whose_something_is_is_known_of_all_that_is_named(document: dict[str, Any]) -> None:
    """A new kind of thing is added to one of the tables above, and who may see it decided."""
    for name, operation in operations(document):
        named = set(re.findall(r"\{(\w+)\}", name))
        assert named <= OWNED.keys() | NOBODYS, name
        if named & NOBODYS:
            assert (scopes_of(operation) or OF_ALL) & OF_ALL, f"{name} is open to users, and so somebody's"
