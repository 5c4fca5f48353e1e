"""The ledger's bench, briefly: what it reports, that the books balance, and what it hands over."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts.ids import new_id
from contracts.message import decode
from contracts.wallet import FundAccount, OpenAccount, PostTransfer
from ops.bench.ledger.commands import FUNDS, Payments, fundings, make_customers, openings
from ops.bench.ledger.pgledger import FILES, missing_files
from ops.bench.ledger.report import LedgerReport, latency
from ops.bench.ledger.teller import Broker
from ops.bench.percentile import percentile
from ops.cli import app


def test_a_short_run_reports_transfers_latencies_growth_and_balanced_books() -> None:
    options = ["--accounts", "10", "--seconds", "0.5", "--batch", "50", "--hot", "--entries", "2000", "--json"]
    told = CliRunner().invoke(app, ["bench", "ledger", *options], catch_exceptions=False)
    assert told.exit_code == 0, told.output
    report = LedgerReport.model_validate(json.loads(told.stdout))
    assert report.books_balance
    assert report.findings == []
    assert report.single.count > 0
    assert report.growth
    assert report.hot
    for run in (report.uniform, report.hot, report.growth.small, report.growth.grown):
        assert run.posted > 0
        assert (run.refused, run.not_handled, run.batch) == (0, 0, 50)
        assert run.per_second == pytest.approx(run.posted / run.seconds, rel=0.05)
        assert set(run.cpu_seconds) == {"python", "postgres"}
        assert 0 < run.batches.p50_ms <= run.batches.p99_ms <= run.batches.max_ms
    assert report.growth.grown_entries == pytest.approx(2000, abs=20)
    assert report.growth.balance_as_of.count > 0
    assert report.growth.statement_page.count > 0
    assert report.pgledger.skipped
    assert "--pgledger" in report.pgledger.skipped


def test_a_directory_that_is_no_checkout_of_pgledger_is_refused_before_anything_starts(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["bench", "ledger", "--pgledger", str(tmp_path)])
    assert told.exit_code == 2
    assert missing_files(tmp_path) == list(FILES)


def test_commands_are_what_the_services_would_send() -> None:
    customers = make_customers(3)
    opening = decode(openings(customers)[1], OpenAccount)
    funding = decode(fundings(customers)[1], FundAccount)
    assert (str(opening.data.account_id), str(opening.data.owner)) == (customers[1].account, customers[1].owner)
    assert (str(funding.data.account_id), funding.data.amount) == (customers[1].account, FUNDS)
    transfer = new_id()
    raw = Payments(customers, hot=False).one(transfer)
    payment = decode(raw, PostTransfer)
    assert payment.encode() == raw
    assert payment.data.transfer_id == transfer
    owners = {customer.account: customer.owner for customer in customers}
    assert str(payment.data.authorised_by) == owners[str(payment.data.debit_account)]
    assert payment.data.debit_account != payment.data.credit_account


def test_the_hot_account_is_in_every_payment_and_pays_and_is_paid() -> None:
    customers = make_customers(5)
    made = [decode(raw, PostTransfer).data for raw in Payments(customers, hot=True).make(200)]
    pairs = [(str(payment.debit_account), str(payment.credit_account)) for payment in made]
    assert all(customers[0].account in pair for pair in pairs)
    assert 0 < sum(debit == customers[0].account for debit, _ in pairs) < len(pairs)


def test_percentiles_are_nearest_ranks() -> None:
    assert [percentile([1.0, 2.0, 3.0, 4.0], share) for share in (0.0, 0.5, 0.99, 1.0)] == [1.0, 3.0, 4.0, 4.0]
    assert latency([]).p99_ms == 0


async def test_acknowledgements_are_counted_by_what_they_say() -> None:
    broker = Broker()
    for payload in (b"", b"", b'-NAK {"delay":1}', b"+TERM"):
        await broker.publish("$JS.ACK.x", payload)
    assert broker.said == {"+ACK": 2, "-NAK": 1, "+TERM": 1}
