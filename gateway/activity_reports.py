"""A suspicious activity report's material as CSV (RFC 4180), in the groups of the FinCEN SAR (form 111).

FinCEN takes one CSV file of at most a megabyte beside the narrative of a report; what supports it is kept, not sent.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

MEDIA_TYPE = "text/csv"
COLUMNS = ("part", "item", "value")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ACTIVITY = ("payment_intent_id", "amount", "currency", "title", "opened_at", "status", "outcome", "closed_at")
_DECISION = ("outcome", "score", "reason_codes", "rule_set", "model", "direction", "method", "asked_at", "decided_at")
_PAYMENT = ("payment_intent_id", "outcome", "amount", "currency", "direction", "method", "decided_at", "label")

Row = tuple[str, str, Any]


def csv_of(report: Mapping[str, Any]) -> bytes:
    """Return the file: subject, suspicious activity, the decision and what it saw, other payments, narrative."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows((part, _cell(item), _cell(value)) for part, item, value in _rows(report))
    return text.getvalue().encode()


def _rows(report: Mapping[str, Any]) -> Iterable[Row]:
    case, decision = report["case"], report.get("decision") or {}
    yield "subject", "customer", case.get("customer")
    for item in _ACTIVITY:
        yield "suspicious_activity", item, case.get(item)
    yield "suspicious_activity", "label", report.get("label")
    for item in _DECISION:
        yield "decision", item, decision.get(item)
    for rule in decision.get("rules", ()):
        yield "rule", rule["name"], rule["reason"]
    for name, value in (decision.get("values") or {}).items():
        yield "feature", name, value
    for number, payment in enumerate(report["related_payments"], start=1):
        for item in _PAYMENT:
            yield f"related_payment_{number}", item, payment.get(item)
    yield "related_payments", "left_out", report["related_payments_left_out"]
    for event in report["case_events"]:
        yield "narrative", f"{event['number']} {event['kind']}", _told(event)


def _told(event: Mapping[str, Any]) -> str:
    parts = (event["at"], event.get("actor"), event.get("outcome"), *(event.get(k) for k in ("title", "text", "url")))
    return " | ".join(part for part in parts if part)


def _cell(value: Any) -> str:
    """Return a value as a cell. A text of somebody else's must be no formula to whoever opens the file."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return orjson.dumps(value).decode()
    return f"'{value}" if value.startswith(_FORMULA) else value
