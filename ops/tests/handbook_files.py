"""Files of made-up payments in the format of the Fraud-Detection-Handbook."""

import csv
import gzip
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

HEADER = ("TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD", "TX_FRAUD_SCENARIO")
FIRST_DAY = datetime(2018, 6, 1)  # noqa: DTZ001 - as the files write it


@dataclass(frozen=True)
class Row:
    """One payment; the scenario tells the label, so that whoever reads it would be caught."""

    at: datetime
    customer: int
    terminal: int
    amount: float
    is_fraud: bool

    def fields(self, number: int) -> tuple[object, ...]:
        return (number, f"{self.at:%Y-%m-%d %H:%M:%S}", self.customer, self.terminal, f"{self.amount:.2f}",
                int(self.is_fraud), 2 * int(self.is_fraud))  # fmt: skip


def town(days: int, customers: int = 150, seed: int = 7) -> list[Row]:
    """Return payments of a town: now and then a terminal is compromised for days, and half its payments are frauds."""
    chance = random.Random(seed)  # noqa: S311 - the same town every time
    return sorted(_payments(chance, days, customers), key=lambda row: row.at)


def _payments(chance: random.Random, days: int, customers: int) -> Iterator[Row]:
    terminals = customers // 2
    bad_until = [0] * terminals
    for day in range(days):
        for terminal in range(terminals):
            if chance.random() < 0.015:
                bad_until[terminal] = day + 20
        for customer in range(customers):
            for _ in range(chance.randrange(4)):
                terminal = chance.randrange(terminals)
                is_fraud = day < bad_until[terminal] and chance.random() < 0.5
                usual = 10 + customer % 50
                amount = usual * chance.uniform(0.5, 1.5) * (3 if is_fraud and chance.random() < 0.3 else 1)
                at = FIRST_DAY + timedelta(days=day, seconds=chance.randrange(86_400))
                yield Row(at, customer, terminal, amount, is_fraud)


def write_csv(path: Path, rows: list[Row], *, packed: bool = False) -> Path:
    with gzip.open(path, "wt", newline="") if packed else path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(row.fields(number) for number, row in enumerate(rows))
    return path
