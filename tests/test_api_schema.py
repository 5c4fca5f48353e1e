"""The OpenAPI document against the real system: whatever is sent, the answer is a documented one, and no 5xx.

Every operation is asked by a customer and by the operator, with what the document allows (also about things that there
are) and with what it forbids. The seed is fixed: a run asks what the run before it asked.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import pytest_asyncio
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from contracts.ids import new_id
from ledgerlink_client import LedgerLink, card
from ledgerlink_client.models.payments import CaptureMethod
from ops.stack.stack import Stack
from tests.people import CURRENCY, PASSWORD, log_operator_in, new_customer
from tests.unconnected_gateway import unconnected_gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")

Cases: TypeAlias = st.SearchStrategy[Case[Any]]
PLENTY = Path(__file__).parents[1] / "gateway" / "tests" / "plenty.toml"
EXAMPLES = 4
SECONDS_PER_REQUEST = 40.0
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DOCUMENT = unconnected_gateway().openapi()
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]
SETTINGS = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def _config() -> SchemathesisConfig:
    # Who asks is our business here: the document's schemes would have it guess tokens.
    generation = GenerationConfig(with_security_parameters=False, deterministic=True, exclude_header_characters="\x00")
    return SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(generation=generation)))


SCHEMA = schemathesis.openapi.from_dict(DOCUMENT, config=_config())


@dataclass(frozen=True)
class Scene:
    """Who may ask, and ids of things that there are."""

    gateway: LedgerLink
    url: str
    people: Mapping[str, LedgerLink]
    there_are: Mapping[str, str]
    answered: dict[tuple[str, str], set[int]] = field(default_factory=dict)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(_servers_directory: Path) -> AsyncIterator[Scene]:
    """A system of its own: an operator who tries everything out leaves no ledger as it was."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GATEWAY_RATE_LIMITS", str(PLENTY))
        environment.setenv("GATEWAY_TRUSTED_PROXIES", "127.0.0.1")
        async with (
            Stack(_servers_directory / "schema", durable=False) as stack,
            LedgerLink(stack.url) as gateway,
        ):
            yield await _scene(stack, gateway)


async def _scene(stack: Stack, gateway: LedgerLink) -> Scene:
    operator = await log_operator_in(stack, gateway)
    ada, grace = await new_customer(gateway, operator, 100_000), await new_customer(gateway, operator, 100_000)
    link = ada.session
    savings = await link.wallets.open(CURRENCY)
    transfer = await link.transfers.create(ada.wallet, savings.id, 100, CURRENCY)
    hold = await link.holds.place(ada.wallet, savings.id, 100, CURRENCY, expires_in=3600)
    intent = await link.payment_intents.create(
        payment_method=card("tok_visa"),
        destination_wallet=ada.wallet,
        amount=100,
        currency=CURRENCY,
        capture_method=CaptureMethod.MANUAL,
        confirm=True,
    )
    paid = await grace.pay(ada.wallet, 1000)
    refund = await link.refunds.create(paid.id, 10)
    endpoint = await link.webhook_endpoints.create("http://127.0.0.1:9", ["*"])
    there_are = {
        "wallet_id": ada.wallet,
        "account_id": ada.wallet,
        "transfer_id": transfer.id,
        "hold_id": hold.id,
        "payment_intent_id": intent.id,
        "refund_id": refund.id,
        "endpoint_id": endpoint.id,
        "code": "insufficient_funds",
        "processor": "sandbox",
    }
    people = {"customer": ada.session, "operator": operator}
    return Scene(gateway, stack.url, people, {name: str(value) for name, value in there_are.items()})


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=[f"{method} {path}" for path, method in OPERATIONS])
async def test_every_answer_is_documented(scene: Scene, path: str, method: str) -> None:
    operation = SCHEMA[path][method]
    answered = scene.answered.setdefault((path, method), set())
    for role, person in (await _askers(scene, path)).items():
        await person.wallets.list().page()  # gets another token, if this one's time is over
        for name, cases in _ways(operation, scene.there_are, role):
            answered |= await asyncio.to_thread(_ask, cases, scene.url, person.tokens.access_token, f"{role}, {name}")


async def _askers(scene: Scene, path: str) -> Mapping[str, LedgerLink]:
    """Return who asks; what may end who asks is asked by somebody whom nobody misses."""
    if not path.startswith(("/v1/users/me", "/v1/sessions")):
        return scene.people
    return {"newcomer": await scene.gateway.register_and_login(f"{new_id()}@ledgerlink.example", PASSWORD)}


def _ways(operation: Any, there_are: Mapping[str, str], role: str) -> Iterator[tuple[str, Cases]]:
    """Yield what is sent: what may be, what may be about things that there are, and what nobody may send."""
    yield "allowed", operation.as_strategy(GenerationMode.POSITIVE)
    named = {parameter.name for parameter in operation.path_parameters}
    if named and named <= there_are.keys() and not operation.path.endswith("/events"):  # which would go on for minutes
        about = {name: there_are[name] for name in named}
        yield "allowed, of what there is", operation.as_strategy(GenerationMode.POSITIVE, path_parameters=about)
    if role != "customer" and [*operation.path_parameters, *operation.query, *operation.body]:
        yield "forbidden", operation.as_strategy(GenerationMode.NEGATIVE)


def _ask(cases: Cases, url: str, token: str, what: str) -> set[int]:
    """Send them all; return the statuses that they were answered with, all of them documented."""
    # From an address of their own: identity slows down where wrong passwords come from.
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.7"}
    statuses: set[int] = set()
    with requests.Session() as session:

        @SETTINGS
        @given(case=cases)
        def ask(case: Case[Any]) -> None:
            response = case.call(base_url=url, session=session, headers=headers, timeout=SECONDS_PER_REQUEST)
            statuses.add(response.status_code)
            case.validate_response(response, checks=CHECKS)

        try:
            ask()
        except Unsatisfiable:
            assert "forbidden" in what, "nothing is allowed"  # but nothing is forbidden where any text will do
        except BaseException as error:
            error.add_note(what)
            raise
    return statuses


async def test_it_was_not_all_refused(scene: Scene) -> None:
    """Whether the tests above have seen more of the system than its doors."""
    if scene.answered.keys() < set(OPERATIONS):
        pytest.skip("not every operation was asked")
    done = [operation for operation, statuses in scene.answered.items() if statuses & {200, 201, 202, 204}]
    assert len(done) >= len(OPERATIONS) / 3, sorted(done)
    assert not any(429 in statuses for statuses in scene.answered.values())


async def test_the_document_is_the_one_that_is_served(scene: Scene) -> None:
    def served() -> Any:
        return requests.get(f"{scene.url}/openapi.json", timeout=SECONDS_PER_REQUEST).json()

    assert await asyncio.to_thread(served) == DOCUMENT
