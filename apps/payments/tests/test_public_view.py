"""What the parties of a payment see of it."""

from typing import Any

import pytest

from apps.payments.domain.public_view import public_view
from apps.payments.tests.play import BY_CARD, PAYOUT, TOP_UP, WALLET, Play
from contracts.payments import MethodShown, MethodType


@pytest.mark.parametrize("paid_by", [BY_CARD, TOP_UP, PAYOUT])
def test_nobody_sees_the_token_that_pays(paid_by: dict[str, Any]) -> None:
    """Whoever has it can pay with it."""
    method = paid_by["payment_method"]
    seen = public_view(Play().create(**paid_by).intent)
    assert seen.payment_method == MethodShown(type=method.type)
    assert method.token not in seen.model_dump_json()


def test_a_payers_wallet_is_shown() -> None:
    seen = public_view(Play().create(**WALLET).intent)
    assert seen.payment_method == MethodShown(type=MethodType.WALLET, wallet=WALLET["source_wallet"])
