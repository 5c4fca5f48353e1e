"""The pure rules: money never exceeds, delays and back-off repeat with the seed, settings are checked."""

import uuid
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from apps.sandbox_processor.domain.amounts import told
from apps.sandbox_processor.domain.answering import Delays, answer_after
from apps.sandbox_processor.domain.behaviours import TABLE, Answering
from apps.sandbox_processor.domain.disputing import close_dispute, miss_evidence, open_dispute
from apps.sandbox_processor.domain.executing import About, execute, settle
from apps.sandbox_processor.domain.operation import Ask, Dispute, Operation, Step
from apps.sandbox_processor.domain.retrying import GIVEN_UP_AFTER, LONGEST_DELAY, again_after
from apps.sandbox_processor.domain.words import DisputeStatus, OperationType, Status
from apps.sandbox_processor.settings import AccountSettings

FOLLOWERS = st.sampled_from([OperationType.CAPTURE, OperationType.REFUND, OperationType.VOID])
TOKENS = st.sampled_from([behaviour.token for behaviour in TABLE])
STARTS = st.sampled_from([OperationType.CHARGE, OperationType.AUTHORISE])
SETTLED = st.sampled_from([Status.APPROVED, Status.DECLINED])


def ask(kind: OperationType, amount: int, token: str | None = None) -> Ask:
    return Ask(
        account="sandbox",
        operation_id=str(uuid.uuid4()),
        type=kind,
        amount=amount,
        currency="EUR",
        fingerprint=b"",
        token=token,
    )


class Till:
    """One charge or authorisation and all that follows, as the store would keep it."""

    def __init__(self, kind: OperationType, token: str) -> None:
        self.operations: dict[str, Operation] = {}
        self.disputes: dict[str, Dispute] = {}
        first = ask(kind, 100, token)
        self.take(execute(first, About(), 0, 0.0))
        self.root_id = next(iter(self.operations))

    @property
    def root(self) -> Operation:
        return self.operations[self.root_id]

    def take(self, step: Step) -> None:
        self.operations |= {operation.id: operation for operation in step.operations}
        self.disputes |= {dispute.id: dispute for dispute in step.disputes}
        if hasattr(self, "root_id"):
            assert 0 <= self.root.refunded + self.root.disputed <= self.root.captured <= self.root.amount

    def dispute(self) -> None:
        taking = [o for o in self.operations.values() if o.type in {OperationType.CHARGE, OperationType.CAPTURE}]
        if taking and not self.disputes and taking[0].status is Status.APPROVED:
            self.take(open_dispute(taking[0], self.root, 0, 0.0))


@given(STARTS, TOKENS, SETTLED, st.lists(st.tuples(FOLLOWERS, st.integers(1, 120), st.booleans(), st.booleans())))
def test_money_never_exceeds(
    kind: OperationType,
    token: str,
    settled: Status,
    steps: list[tuple[OperationType, int, bool, bool]],
) -> None:
    till = Till(kind, token)
    till.take(settle(till.root, settled))
    for follower, amount, disputed, won in steps:
        till.take(execute(ask(follower, amount), About(till.root, till.root), 0, 0.0))
        if disputed:
            till.dispute()
        for dispute in list(till.disputes.values()):
            till.take(
                close_dispute(dispute, till.root, DisputeStatus.WON) if won else miss_evidence(dispute, till.root)
            )


def test_what_has_ended_stays_so() -> None:
    till = Till(OperationType.CHARGE, "tok_pending")
    till.take(settle(till.root, Status.DECLINED, "payment_canceled"))
    assert settle(till.root, Status.APPROVED) == Step()


@given(st.uuids(), st.integers())
def test_delays_repeat_with_the_seed(key: uuid.UUID, seed: int) -> None:
    delays = Delays(latency=0.1, late=8.0, hang=60.0)
    after = answer_after(Answering.AT_ONCE, delays, seed, str(key))
    assert after == answer_after(Answering.AT_ONCE, delays, seed, str(key))
    assert 0.05 <= after < 0.15
    assert answer_after(Answering.LATE, delays, seed, str(key)) == 8.0


@given(st.integers(1, 10_000), st.integers())
def test_webhooks_back_off_within_bounds(attempts: int, seed: int) -> None:
    again = again_after(attempts, 0.0, seed, "evt_1")
    assert again is not None
    assert 0.3 < again <= LONGEST_DELAY * 1.25
    assert again_after(attempts, GIVEN_UP_AFTER + 1, seed, "evt_1") is None


def test_webhooks_back_off_further_and_further() -> None:
    delays = [again_after(attempts, 0.0, 0, "evt_1") or 0.0 for attempts in range(1, 6)]
    assert all(a < b for a, b in pairwise(delays))


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [(1250, "EUR", "12.50 EUR"), (5, "EUR", "0.05 EUR"), (1250, "JPY", "1250 JPY"), (1250, "KWD", "1.250 KWD")],
)
def test_amounts_are_told_in_major_units(amount: int, currency: str, words: str) -> None:
    assert told(amount, currency) == words


@pytest.mark.parametrize(
    "secret", ["secret", "whsec_%%%", "whsec_", "whsec_MDEyMzQ1Njc4", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"]
)
def test_a_secret_that_cannot_sign_is_refused(secret: str) -> None:
    with pytest.raises(ValidationError):
        AccountSettings(api_key=SecretStr("sk_sandbox_of_the_tests"), webhook_secret=SecretStr(secret))
