"""Every code that the wallet refuses with has a status and a title, and the API's documentation quotes the wallet."""

from enum import Enum

import pytest

from apps.wallet.domain.change import ChangeRefusal
from apps.wallet.domain.opening import OpeningRefusal
from apps.wallet.domain.periods import ClosingRefusal
from apps.wallet.domain.reconciliation import ReconciliationRefusal
from apps.wallet.domain.refusal import Refusal
from gateway import refusals
from gateway.problems import KINDS


@pytest.mark.parametrize("rule", ReconciliationRefusal, ids=lambda r: r.code)
def test_every_refusal_of_a_reconciliation_has_a_status_and_a_title(rule: ReconciliationRefusal) -> None:
    assert rule.code in KINDS


@pytest.mark.parametrize("rule", [*Refusal, *OpeningRefusal, *ChangeRefusal, *ClosingRefusal], ids=lambda r: r.value)
def test_every_refusal_has_a_status_and_a_title(rule: Enum) -> None:
    assert rule.value in KINDS


def test_the_documentation_quotes_the_ledger_in_the_order_of_its_rules() -> None:
    details = {rule.value: rule.detail for rule in Refusal if rule.value in refusals._DETAILS}
    assert list(refusals._DETAILS.items()) == list(details.items())
