"""docs/guides say of payments what the code does: the transition table, the codes and their statuses, the retries."""

import re

import pytest

from apps.payments.domain.delivering import RETRY_WINDOWS
from apps.payments.domain.transitions import Trigger
from apps.payments.processors import declines
from contracts.payments import EVENT_TYPES, TEST_EVENT
from gateway.problems import DECLINED_STATUS, KINDS
from tests.guides import GUIDES, MADE, diagram, part, transitions, with_part
from tests.test_problem_codes import promised_codes, written_codes

PARTS = [(guide, name) for guide, parts in MADE.items() for name in parts]


@pytest.mark.parametrize(("guide", "name"), PARTS)
def test_what_is_made_from_code_is_up_to_date(guide: str, name: str) -> None:
    made = MADE[guide][name]()
    assert part((GUIDES / guide).read_text(), name) == made, "run `python -m tests.guides`"


def test_a_part_that_differs_is_noticed() -> None:
    text = with_part((GUIDES / "payments.md").read_text(), "diagram", diagram().replace("canceled", "cancelled"))
    assert part(text, "diagram") != diagram()


def test_no_trigger_is_left_out() -> None:
    told = set(re.findall(r"`(\w+)`", transitions())) | {"update", "confirm", "capture", "cancel", "refund"}
    assert {trigger.value for trigger in Trigger} <= told


def _codes(column: str) -> dict[str, str]:
    """Return code -> what stands in the next column, for the rows of the guides' tables where that is so."""
    guides = (guide for guide in GUIDES.glob("*.md") if guide.name != "oauth.md")  # whose codes are RFC 6749's
    text = "".join(guide.read_text() for guide in guides)
    rows = re.findall(rf"^\| ((?:`[a-z_]+`(?:, )?)+) \| {column}", text, re.MULTILINE)
    return {code: status for codes, status in rows for code in re.findall(r"\w+", codes)}


def test_every_refusal_has_its_status() -> None:
    refused = _codes(r"(\d{3}) \|")
    assert len(refused) > 30
    assert refused == {code: str(KINDS[code].status) for code in refused}


def test_every_code_of_payments_is_told() -> None:
    text = (GUIDES / "payments.md").read_text() + (GUIDES / "webhooks.md").read_text()
    codes = written_codes("payments") | promised_codes("payments") | declines._DETAILS.keys()
    assert {code for code in codes if f"`{code}`" not in text} == set()


def test_declines_are_402() -> None:
    for code in declines._DETAILS.keys() - {"account_closed", "payment_method_not_possible"}:
        assert KINDS[code].status == DECLINED_STATUS, code


def test_every_event_is_told() -> None:
    text = (GUIDES / "webhooks.md").read_text()
    assert {event for event in (*EVENT_TYPES, TEST_EVENT) if f"`{event}`" not in text} == set()


UNITS = {"s": 1, "min": 60, "h": 3600, "days": 86400}


def test_the_retries_are_those_of_the_code() -> None:
    told = re.search(r"since the first attempt: ([^.]+)\.", (GUIDES / "webhooks.md").read_text().replace("\n", " "))
    assert told is not None
    spans = [(int(n), unit) for n, unit in re.findall(r"(\d+) (s|min|h|days)", told[1])]
    assert [n * UNITS[unit] for n, unit in spans] == [closes.total_seconds() for _, closes in RETRY_WINDOWS]
