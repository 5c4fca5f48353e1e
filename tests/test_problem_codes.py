"""Every code that a service refuses with has a status and a title, and the API's documentation quotes the wallet."""

import ast
import re
from enum import Enum
from pathlib import Path

import pytest

from apps.payments.processors import declines
from apps.wallet.domain.change import ChangeRefusal
from apps.wallet.domain.opening import OpeningRefusal
from apps.wallet.domain.periods import ClosingRefusal
from apps.wallet.domain.reconciliation import ReconciliationRefusal
from apps.wallet.domain.refusal import Refusal
from contracts.message import REGISTRY
from contracts.topology import SERVICES
from gateway import refusals
from gateway.problems import KINDS

APPS = Path(__file__).parents[1] / "apps"
_REFUSED_WITH = re.compile(r"Refused\s+with\s+([^.]*)")


def written_codes(service: str) -> set[str]:
    """Return the codes of the problems that a service's code spells out."""
    return {
        str(keyword.value.value)
        for path in (APPS / service).rglob("*.py")
        if "tests" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and "Problem" in ast.unparse(node.func)
        for keyword in node.keywords
        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant)
    }


def promised_codes(service: str) -> set[str]:
    """Return the codes that the messages of a service say they are refused with."""
    return {
        code
        for message in REGISTRY.values()
        if message.contract.owner == service
        for codes in _REFUSED_WITH.findall(message.__doc__ or "")
        for code in re.findall("`([a-z_]+)`", codes)
    }


@pytest.mark.parametrize("service", SERVICES)
def test_every_code_of_a_service_has_a_status_and_a_title(service: str) -> None:
    assert written_codes(service) | promised_codes(service) <= KINDS.keys()


def test_codes_are_found_where_they_are_written() -> None:
    assert {"payment_intent_not_found", "processor_refused"} <= written_codes("payments")
    assert {"webhook_malformed", "delivery_not_found"} <= promised_codes("payments")


def test_every_reason_of_processors_to_decline_has_a_title() -> None:
    assert declines._DETAILS.keys() <= KINDS.keys()


@pytest.mark.parametrize("rule", ReconciliationRefusal, ids=lambda r: r.code)
def test_every_refusal_of_a_reconciliation_has_a_status_and_a_title(rule: ReconciliationRefusal) -> None:
    assert rule.code in KINDS


@pytest.mark.parametrize("rule", [*Refusal, *OpeningRefusal, *ChangeRefusal, *ClosingRefusal], ids=lambda r: r.value)
def test_every_refusal_has_a_status_and_a_title(rule: Enum) -> None:
    assert rule.value in KINDS


def test_the_documentation_quotes_the_ledger_in_the_order_of_its_rules() -> None:
    details = {rule.value: rule.detail for rule in Refusal if rule.value in refusals._DETAILS}
    assert list(refusals._DETAILS.items()) == list(details.items())
