"""What answers at the deadline know: the deny list and confirmed matches, in memory, read again when they differ."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from apps.risk.domain import denials
from apps.risk.domain.denials import Denials, Doubt
from apps.risk.domain.features.entities import Subject
from apps.risk.handlers.known_denials import KnownDenials
from apps.risk.store import denials as store
from apps.risk.tests.screening_desk import ScreeningDesk, deciding, listing, removing
from contracts.ids import new_id
from contracts.risk import SanctionsSource, ScreeningOutcome

UN_LIST = Path(__file__).parent / "sanctions_samples" / "un.xml"
READ_AT = "ledgerlink_risk_denials_read_timestamp_seconds"
LISTED = "Yousuf Ahmed al-Exemplari"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PAYERS = [new_id() for _ in range(3)]
COUNTRIES = ["KP", "IR", "SY"]


def payment(payer: UUID, country: str | None = None) -> Subject:
    return Subject(assessment_id=new_id(), payer=payer, amount=1, currency="EUR", asked_at=NOW, country=country)


@given(
    expiries=st.dictionaries(st.sampled_from(COUNTRIES), st.none() | st.integers(-2, 2)),
    confirmed=st.frozensets(st.sampled_from(PAYERS)),
    payer=st.sampled_from(PAYERS),
    country=st.none() | st.sampled_from(COUNTRIES),
    complete=st.booleans(),
)
def test_a_doubt_is_what_is_known_against_a_payment(
    expiries: dict[str, int | None], confirmed: frozenset[UUID], payer: UUID, country: str | None, complete: bool
) -> None:
    entries = {("country", c): None if at is None else NOW + timedelta(days=at) for c, at in expiries.items()}
    doubt = Denials(entries, confirmed, complete).doubt(payment(payer, country), NOW)
    expiry = expiries.get(country or "", 0)
    if payer in confirmed:
        assert doubt is Doubt.CONFIRMED
    elif expiry is None or expiry > 0:
        assert doubt is Doubt.DENIED
    else:
        assert doubt is (None if complete else Doubt.UNKNOWN)


async def test_entries_are_known_from_the_next_reading_on(screening: ScreeningDesk) -> None:
    known, somebody = KnownDenials(), payment(new_id(), "KP")

    async def doubt() -> Doubt | None:
        await known.refresh(screening.database)
        return known.latest.doubt(somebody, datetime.now(UTC))

    assert known.latest.doubt(somebody, NOW) is Doubt.UNKNOWN  # nothing was read so far
    assert await doubt() is None
    adding = listing(expires_at=datetime.now(UTC) + timedelta(hours=1))
    await screening.change_lists(
        adding, listing(list="watch"), listing(list="watch", kind="payer", value=PAYERS[0].hex)
    )
    assert await doubt() is Doubt.DENIED
    await screening.change_lists(removing(UUID(screening.replies[adding.id].resource["id"])), listing(value="IR"))
    assert await doubt() is None  # as many entries as before
    again = listing(expires_at=datetime.now(UTC) + timedelta(hours=1))
    await screening.change_lists(again)
    assert await doubt() is Doubt.DENIED
    await screening.age_entries(timedelta(days=1))
    known = KnownDenials()
    assert await doubt() is None


async def test_a_payer_is_known_while_a_match_is_confirmed(screening: ScreeningDesk) -> None:
    known = KnownDenials()
    await screening.bring(UN_LIST, SanctionsSource.UN)
    payer = await screening.register(LISTED)
    await screening.screen()

    async def doubt() -> Doubt | None:
        await known.refresh(screening.database)
        return known.latest.doubt(payment(payer), datetime.now(UTC))

    assert await doubt() is None
    match = await screening.database.pool.fetchval("SELECT id FROM screening WHERE customer = $1", payer)
    await screening.decide(deciding(match, ScreeningOutcome.CONFIRMED))
    assert await doubt() is Doubt.CONFIRMED
    await screening.decide(deciding(match, ScreeningOutcome.DISMISSED))
    assert await doubt() is None


async def test_more_than_is_remembered_is_a_doubt_about_everybody(
    screening: ScreeningDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (denials, store):
        monkeypatch.setattr(module, "MOST_KEPT", 2)
    known = KnownDenials()
    await screening.change_lists(listing(value="KP"), listing(value="IR"))
    await known.refresh(screening.database)
    assert known.latest.doubt(payment(new_id(), "DE"), NOW) is None
    await screening.change_lists(listing(value="SY"))
    await known.refresh(screening.database)
    assert known.latest.doubt(payment(new_id(), "DE"), NOW) is Doubt.UNKNOWN
    assert len(known.latest.entries) == 2


async def test_what_was_read_is_still_known_while_the_database_is_away(screening: ScreeningDesk) -> None:
    known, before = KnownDenials(), time.time()
    await screening.change_lists(listing())
    await known.refresh(screening.database)
    read_at = REGISTRY.get_sample_value(READ_AT)
    assert read_at is not None
    assert read_at >= before
    await screening.database.close()
    with pytest.raises(RuntimeError, match="not open"):
        await known.refresh(screening.database)
    assert known.latest.doubt(payment(new_id(), "KP"), NOW) is Doubt.DENIED
    assert REGISTRY.get_sample_value(READ_AT) == read_at
