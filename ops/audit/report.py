"""What an audit says in the end."""

from pydantic import BaseModel

FINDINGS = 1000
"""The most findings that a report names."""


class FindingLine(BaseModel):
    """A row, and the claim that does not hold there."""

    place: str
    claim: str


class CurrencyLine(BaseModel):
    """The sum over all accounts of a currency, in minor units."""

    currency: str
    accounts: int
    total: int


class AuditReport(BaseModel):
    """`proved` counts the rows of each part of the ledger; `findings` are the first, `findings_total` counts all.

    A finding hides others of its kind in the same slice when they are many: correct, and audit again.
    """

    balanced: bool
    seconds: float
    currencies: list[CurrencyLine]
    proved: dict[str, int]
    payments: dict[str, int]
    findings: list[FindingLine]
    findings_total: int
