"""The demo's proof can fail: each spoilt piece of evidence breaks the claim that is about it, and only that."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from apps.payments.domain.transitions import State
from apps.wallet.audit import CurrencyTotal
from ops.cli import app
from ops.commands import demo as demo_command
from ops.demo import run
from ops.demo.proof import Evidence, checks
from ops.tests.demo_samples import evidence, report


def _prove(e: Evidence) -> list[str]:
    """Return the claims that do not hold."""
    return [check.claim for check in checks(e) if not check.holds]


def _missing_cent(e: Evidence) -> None:
    e.books = replace(e.books, currencies=(CurrencyTotal("EUR", 3, 1),))


def _finding(e: Evidence) -> None:
    e.books = replace(e.books, findings=("transfer x does not have exactly its two entries",))


def _lone_entry(e: Evidence) -> None:
    e.books = replace(e.books, entries=13)


def _other_balance(e: Evidence) -> None:
    e.wallets = [e.wallets[0].model_copy(update={"balance": 1}), e.wallets[1]]


def _second_transfer(e: Evidence) -> None:
    e.books = replace(e.books, transfers=7, entries=14)


def _foreign_transfer(e: Evidence) -> None:
    e.posted = [(e.posted[0][0], e.posted[1][1]), e.posted[1]]


def _no_transfer(e: Evidence) -> None:
    e.posted = [e.posted[0], (e.posted[1][0], None)]


def _second_effect(e: Evidence) -> None:
    e.story = replace(e.story, repeated=replace(e.story.repeated, entries_after=4))


def _other_answer(e: Evidence) -> None:
    e.story = replace(e.story, repeated=replace(e.story.repeated, intent=e.story.first_paid.intent))


def _stuck_payment(e: Evidence) -> None:
    e.payments = replace(e.payments, by_state={**e.payments.by_state, State.POSTING: 1})


def _money_at_the_processor(e: Evidence) -> None:
    e.payments = replace(e.payments, by_state={**e.payments.by_state, State.CAPTURING: 1})


def _other_ledger(e: Evidence) -> None:
    e.differences = ["payment intent x: the ledger has another amount"]


def _forged_webhook(e: Evidence) -> None:
    forged = e.card.heard[-1].model_copy(update={"verified": False})
    e.card = replace(e.card, heard=[*e.card.heard[:-1], forged])


def _missing_webhook(e: Evidence) -> None:
    e.card = replace(e.card, heard=e.card.heard[1:])


def _disordered_webhooks(e: Evidence) -> None:
    e.card = replace(e.card, heard=[e.card.heard[1], e.card.heard[0], *e.card.heard[2:]])


def test_sound_evidence_proves_everything() -> None:
    assert _prove(evidence()) == []


@pytest.mark.parametrize(
    ("spoil", "claim"),
    [
        (_missing_cent, "EUR sums to zero over all accounts"),
        (_finding, "Entries pair up and make the balances"),
        (_lone_entry, "Entries pair up and make the balances"),
        (_other_balance, "The wallets hold what was paid"),
        (_second_transfer, "One transfer per payment, capture, refund"),
        (_foreign_transfer, "One transfer per payment, capture, refund"),
        (_no_transfer, "One transfer per payment, capture, refund"),
        (_second_effect, "The repetition changed nothing"),
        (_other_answer, "The repetition changed nothing"),
        (_stuck_payment, "No payment is still on its way"),
        (_money_at_the_processor, "No payment is still on its way"),
        (_other_ledger, "Payments and ledger agree"),
        (_forged_webhook, "Webhooks came signed and in order"),
        (_missing_webhook, "Webhooks came signed and in order"),
        (_disordered_webhooks, "Webhooks came signed and in order"),
    ],
)
def test_spoilt_evidence_breaks_its_claim(spoil: Callable[[Evidence], None], claim: str) -> None:
    spoilt = evidence()
    spoil(spoilt)
    assert _prove(spoilt) == [claim]


@pytest.mark.parametrize(("holds", "code"), [(True, 0), (False, 1)])
def test_the_exit_code_is_that_of_the_proof(
    *, holds: bool, code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(run, "new_data_dir", lambda: tmp_path)
    monkeypatch.setattr(demo_command, "_json", lambda *_, **__: report(holds=holds))
    assert CliRunner().invoke(app, ["demo", "--json"]).exit_code == code
