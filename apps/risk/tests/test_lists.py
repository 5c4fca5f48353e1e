"""The allow, deny and watch lists on a real database: what is listed counts until it expires or is removed."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from apps.risk.domain.lists import MOST_ENTRIES, ListRefusal, add
from apps.risk.queries.lists import list_entries
from apps.risk.tests.screening_desk import ScreeningDesk, enveloped, listing, removing
from contracts.ids import new_id
from contracts.risk import ListEntryPage, ListListEntries

DEVICE = "5f4dcc3b5aa765d61d8327deb882cf99"


async def entries(desk: ScreeningDesk, **asked: object) -> ListEntryPage:
    return await list_entries(desk.database, enveloped(ListListEntries.model_validate(asked)))


@pytest.mark.parametrize(("kind", "name"), [
    ("payer", "payer"), ("payee", "payee"), ("device", "device"), ("address", "address"), ("card", "card"),
    ("country", "country"),
])  # fmt: skip
async def test_a_payment_is_listed_by_all_that_it_names(screening: ScreeningDesk, kind: str, name: str) -> None:
    value: UUID | str = {"country": "KP"}.get(kind, DEVICE) if kind not in {"payer", "payee"} else new_id()
    before = await screening.context(**{name: value})
    assert await screening.change_lists(listing(kind=kind, value=str(value), list="watch")) == ["completed"]
    assert await screening.change_lists(listing(kind=kind, value=str(value))) == ["completed"]
    after = await screening.context(**{name: value})
    assert (before.listed_allow, before.listed_deny, before.listed_watch) == (False, False, False)
    assert (after.listed_allow, after.listed_deny, after.listed_watch) == (False, True, True)
    another = await screening.context()
    assert (another.listed_allow, another.listed_deny, another.listed_watch) == (False, False, False)


async def test_a_device_is_not_an_address(screening: ScreeningDesk) -> None:
    await screening.change_lists(listing(kind="device", value=DEVICE))
    assert (await screening.context(device=DEVICE)).listed_deny
    assert not (await screening.context(address=DEVICE)).listed_deny


async def test_an_entry_counts_until_it_is_removed_and_is_kept(screening: ScreeningDesk) -> None:
    adding = listing()
    await screening.change_lists(adding)
    entry = UUID(screening.replies[adding.id].resource["id"])
    assert await screening.change_lists(listing()) == ["list_entry_exists"]
    assert await screening.change_lists(removing(entry), removing(entry)) == ["completed", "list_entry_ended"]
    assert not (await screening.context(country="KP")).listed_deny
    assert await screening.change_lists(listing()) == ["completed"]
    (current,), (ended,) = (await entries(screening)).entries, (await entries(screening, ended=True)).entries
    assert (ended.id, ended.removal_reason, current.removed_at) == (entry, "Gone", None)
    assert ended.removed_at is not None
    assert [len(await screening.said(f"risk.events.list_entry.{what}")) for what in ("added", "removed")] == [2, 1]


async def test_an_entry_counts_until_it_expires(screening: ScreeningDesk) -> None:
    past = datetime.now(UTC) - timedelta(hours=1)
    assert await screening.change_lists(listing(expires_at=past)) == ["list_entry_expired"]
    assert await screening.change_lists(listing(expires_at=datetime.now(UTC) + timedelta(hours=1))) == ["completed"]
    assert (await screening.context(country="KP")).listed_deny
    # As if it had been added yesterday, for an hour.
    await screening.age_entries(timedelta(days=1))
    assert not (await screening.context(country="KP")).listed_deny
    assert (await entries(screening)).entries == []
    assert len((await entries(screening, ended=True)).entries) == 1
    assert await screening.change_lists(listing()) == ["completed"]  # in the place of the expired one
    assert (await screening.context(country="KP")).listed_deny


@pytest.mark.parametrize(("kind", "value"), [
    ("payer", "somebody"), ("payee", DEVICE), ("device", "10.0.0.1"), ("card", "4242424242424242"),
    ("country", "North-Korea"), ("country", "kp"), ("address", DEVICE.upper()),
])  # fmt: skip
async def test_what_no_payment_can_name_is_not_listed(screening: ScreeningDesk, kind: str, value: str) -> None:
    assert await screening.change_lists(listing(kind=kind, value=value)) == ["list_value_invalid"]


async def test_what_the_client_claims_is_not_allowed(screening: ScreeningDesk) -> None:
    assert await screening.change_lists(listing(list="allow", kind="country", value="DE")) == ["list_value_invalid"]


async def test_refusals_of_what_is_not_there(screening: ScreeningDesk) -> None:
    assert await screening.change_lists(removing(new_id())) == ["list_entry_not_found"]
    asked = listing().data
    assert add(asked, None, MOST_ENTRIES, datetime.now(UTC)) is ListRefusal.TOO_MANY_LIST_ENTRIES


async def test_entries_are_listed_newest_first(screening: ScreeningDesk) -> None:
    await screening.change_lists(*(listing(value=code) for code in ("KP", "IR", "SY")), listing(list="watch"))
    page = await entries(screening, list="deny", limit=2)
    assert [entry.value for entry in page.entries] == ["SY", "IR"]
    rest = await entries(screening, list="deny", limit=2, before=page.next_before)
    assert ([entry.value for entry in rest.entries], rest.next_before) == (["KP"], None)
    assert len((await entries(screening, value="KP")).entries) == 2
