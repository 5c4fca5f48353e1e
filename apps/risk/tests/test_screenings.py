"""Screening on a real database: on registration, for payouts, and again after every import; asked about once."""

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from apps.risk.domain.screening.index import MOST_MATCHES
from apps.risk.handlers.cases import CaseWork
from apps.risk.handlers.listed_names import ListedNames
from apps.risk.handlers.screen_customers import AT_A_TIME
from apps.risk.handlers.screenings import follow_cases
from apps.risk.queries.screenings import get_screening, list_sanctions_lists, list_screenings
from apps.risk.sanctions_lists.reading import ListError
from apps.risk.tests.desk import ANALYST, POLICY
from apps.risk.tests.screening_desk import ScreeningDesk, deciding, enveloped
from contracts.ids import new_id
from contracts.message import Idempotency
from contracts.risk import (
    ClaimCase,
    DecideCase,
    GetScreening,
    ListSanctionsLists,
    ListScreenings,
    RiskOutcome,
    SanctionsSource,
    Screening,
    ScreeningOutcome,
    ScreeningStatus,
)
from outbox.requester import NoAnswerError
from outbox.responder import Refused

SAMPLES = Path(__file__).parent / "sanctions_samples"
UN, OFAC = SanctionsSource.UN, SanctionsSource.OFAC
DISMISSED, CONFIRMED = ScreeningOutcome.DISMISSED, ScreeningOutcome.CONFIRMED
LISTED = "Yousuf Ahmed al-Exemplari"


async def screenings(desk: ScreeningDesk, status: str = "possible", **asked: object) -> list[Screening]:
    query = ListScreenings.model_validate({"status": status} | asked)
    return (await list_screenings(desk.database, enveloped(query))).screenings


async def standing(desk: ScreeningDesk, user: UUID) -> str:
    return (await desk.context(payer=user)).payer_screening


async def cases(desk: ScreeningDesk) -> list[str]:
    rows = await desk.database.pool.fetch("SELECT status FROM risk_case WHERE kind = 'screening' ORDER BY id")
    return [row["status"] for row in rows]


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[str, str], Path]:
    """Return the UN's list with something in it replaced."""

    def change(old: str, new: str) -> Path:
        path = tmp_path / f"{new_id()}.xml"
        path.write_text((SAMPLES / "un.xml").read_text().replace(old, new))
        return path

    return change


async def test_customers_are_screened_when_they_have_registered(screening: ScreeningDesk) -> None:
    await screening.bring(SAMPLES / "un.xml", UN)
    ann, listed, nobody = [await screening.register(name) for name in ("Ann Miller", LISTED, None)]
    assert [await standing(screening, user) for user in (ann, listed, nobody)] == ["unknown"] * 3
    await screening.screen()
    assert [await standing(screening, user) for user in (ann, listed, nobody)] == ["clear", "possible", "unknown"]
    (match,) = await screenings(screening)
    assert (match.customer, match.party.reference, match.party.source) == (listed, "QDi.901", UN)
    assert (match.screened_name, match.payment_intent_id) == (None, None)
    (said,) = await screening.said("risk.events.screening.opened")
    assert (said["customer"], said["reference"]) == (str(listed), "QDi.901")
    assert await cases(screening) == ["open"]
    assert await standing(screening, new_id()) == "unknown"


async def test_no_name_of_a_customer_is_in_the_database(screening: ScreeningDesk) -> None:
    await screening.bring(SAMPLES / "un.xml", UN)
    await screening.register("Yoosuf Ahmedh Exemplarih", date(1961, 3, 4))
    await screening.screen()
    assert len(await screenings(screening)) == 1
    for table in ("screening", "customer_screening", "outbox", "risk_case", "case_event"):
        rows = await screening.rows(table)
        assert rows
        assert "Exemplarih" not in str(rows)


async def test_the_name_is_read_from_identity_when_somebody_compares(screening: ScreeningDesk) -> None:
    await screening.bring(SAMPLES / "un.xml", UN)
    await screening.register(LISTED, date(1961, 3, 4))
    await screening.screen()
    (match,) = await screenings(screening)
    query = enveloped(GetScreening(screening_id=match.id))
    whole = await get_screening(screening.requester, screening.database, query)
    assert (whole.screened_name, whole.birth_date, whole.score) == (LISTED, date(1961, 3, 4), 100)
    screening.identity.is_away = True
    assert (await get_screening(screening.requester, screening.database, query)).screened_name is None
    with pytest.raises(Refused, match="screening_not_found"):
        await get_screening(screening.requester, screening.database, enveloped(GetScreening(screening_id=new_id())))


async def test_a_false_positive_is_remembered_until_the_party_changes(
    screening: ScreeningDesk, changed: Callable[[str, str], Path]
) -> None:
    await screening.bring(SAMPLES / "un.xml", UN)
    user = await screening.register(LISTED)
    await screening.screen()
    (match,) = await screenings(screening)
    command = deciding(match.id, DISMISSED)
    assert await screening.decide(command, deciding(match.id, DISMISSED)) == ["completed", "screening_decided"]
    assert await standing(screening, user) == "clear"
    assert await cases(screening) == ["decided"]
    # The same list again: the same pair asks nobody.
    await screening.bring(SAMPLES / "un.xml", UN)
    await screening.screen()
    assert (await standing(screening, user), await screenings(screening)) == ("clear", [])
    # Another birth date: it may be them after all.
    await screening.bring(changed("1961-03-04", "1962-03-04"), UN)
    await screening.screen()
    assert await standing(screening, user) == "possible"
    (again,) = await screenings(screening)
    assert again.id != match.id
    assert await cases(screening) == ["decided", "open"]


async def test_whoever_is_confirmed_is_told_to_rules_until_that_is_revised(screening: ScreeningDesk) -> None:
    await screening.bring(SAMPLES / "un.xml", UN)
    user = await screening.register(LISTED)
    await screening.screen()
    (match,) = await screenings(screening)
    assert await screening.decide(deciding(match.id, CONFIRMED)) == ["completed"]
    assert await standing(screening, user) == "confirmed"
    (said,) = await screening.said("risk.events.screening.decided")
    assert (said["outcome"], said["decided_by"]) == ("confirmed", str(ANALYST))
    await screening.bring(SAMPLES / "sdn.xml", OFAC)
    await screening.screen()
    assert await standing(screening, user) == "confirmed"
    assert await screening.decide(deciding(match.id, DISMISSED)) == ["completed"]
    assert await standing(screening, user) == "clear"
    query = enveloped(GetScreening(screening_id=match.id))
    whole = await get_screening(screening.requester, screening.database, query)
    assert [decision.outcome for decision in whole.decisions] == [CONFIRMED, DISMISSED]
    assert await screening.decide(deciding(new_id(), DISMISSED)) == ["screening_not_found"]


async def test_a_match_is_withdrawn_when_the_party_leaves_the_list(
    screening: ScreeningDesk, changed: Callable[[str, str], Path]
) -> None:
    await screening.bring(SAMPLES / "un.xml", UN)
    user = await screening.register(LISTED)
    await screening.screen()
    (match,) = await screenings(screening)
    gone = changed("EXEMPLARI", "ELSEWISE")
    gone.write_text(gone.read_text().replace("Exemplari", "Elsewise").replace("AHMAD", "OTHERWISE"))
    await screening.bring(gone, UN)
    await screening.screen()
    assert (await standing(screening, user), await cases(screening)) == ("clear", ["canceled"])
    assert [m.id for m in await screenings(screening, "withdrawn")] == [match.id]
    assert await screening.decide(deciding(match.id, CONFIRMED)) == ["screening_withdrawn"]
    await screening.bring(SAMPLES / "un.xml", UN)
    await screening.screen()
    # Back again: that is another match, which an analyst has to look at.
    assert await standing(screening, user) == "possible"
    (again,) = await screenings(screening)
    assert (again.id != match.id, again.party) == (True, match.party)
    assert await cases(screening) == ["canceled", "open"]
    assert await screening.decide(deciding(again.id, DISMISSED)) == ["completed"]
    # What is remembered now covers it, also when the party leaves the list once more, and returns.
    for path in (gone, SAMPLES / "un.xml"):
        await screening.bring(path, UN)
        await screening.screen()
    assert (await standing(screening, user), await cases(screening)) == ("clear", ["canceled", "decided"])


async def test_what_newer_lists_have_found_or_withdrawn_is_not_undone_by_older_ones(
    screening: ScreeningDesk, changed: Callable[[str, str], Path]
) -> None:
    async def seen(names: ListedNames) -> str:
        return (await screening.context(payer=payer, beneficiary=LISTED, names=names)).beneficiary_screening

    payer, names = new_id(), [ListedNames() for _ in range(3)]
    gone = changed("EXEMPLARI", "ELSEWISE")
    gone.write_text(gone.read_text().replace("Exemplari", "Elsewise").replace("AHMAD", "OTHERWISE"))
    for path, replica in zip((SAMPLES / "sdn.csv", SAMPLES / "un.xml", gone), names, strict=True):
        await screening.bring(path, UN if path.suffix == ".xml" else OFAC)
        await replica.refresh(screening.database)
    before, listed, after = names
    assert [await seen(replica) for replica in (before, listed, before)] == ["clear", "possible", "possible"]
    assert await cases(screening) == ["open"]
    assert [await seen(replica) for replica in (after, listed)] == ["clear", "clear"]
    assert await cases(screening) == ["canceled"]


async def test_a_match_stays_while_many_others_are_better(screening: ScreeningDesk, tmp_path: Path) -> None:
    def listing(references: Iterable[int]) -> Path:
        (tmp_path / "alt.csv").write_text("")
        path = tmp_path / "sdn.csv"
        rows = (f'{r},"EXEMPLARI, Karim","individual","SDGT",{",".join(["-0-"] * 8)}\n' for r in references)
        path.write_text("".join(rows))
        return path

    await screening.bring(listing([90_000]), OFAC)
    await screening.register("Karim Exemplari")
    await screening.screen()
    (first,) = await screenings(screening)
    await screening.bring(listing([*range(10_000, 10_500), 90_000]), OFAC)
    await screening.screen()
    kept = await screenings(screening, limit=100)
    assert (len(kept), first.id in {match.id for match in kept}) == (MOST_MATCHES + 1, True)
    await screening.bring(listing(range(10_000, 10_500)), OFAC)
    await screening.screen()
    assert [match.id for match in await screenings(screening, "withdrawn")] == [first.id]


async def test_a_decision_of_the_case_is_one_about_the_match(screening: ScreeningDesk) -> None:
    await screening.bring(SAMPLES / "un.xml", UN)
    user = await screening.register(LISTED)
    await screening.screen()
    (match,) = await screenings(screening)
    work = CaseWork(POLICY, follow_cases)
    facts = {"case_id": match.id, "analyst": ANALYST}
    claim = ClaimCase.model_validate(facts | {"idempotency": _idempotency()})
    decision = {"outcome": RiskOutcome.DECLINE, "reason": "It is them"}
    decide = DecideCase.model_validate(facts | decision | {"idempotency": _idempotency()})
    async with screening.transactions.begin() as tx:
        await work.work(tx, [enveloped(claim)])
    assert await screening.decide(deciding(match.id, DISMISSED, by=new_id())) == ["case_claimed"]
    async with screening.transactions.begin() as tx:
        await work.work(tx, [enveloped(decide)])
    assert await standing(screening, user) == "confirmed"
    (match,) = await screenings(screening, "confirmed")
    assert await cases(screening) == ["decided"]


def _idempotency() -> Idempotency:
    return Idempotency(scope="cases", key=str(new_id()), fingerprint="0" * 64)


async def test_beneficiaries_are_screened_while_payments_are_decided(screening: ScreeningDesk) -> None:
    payer = new_id()
    assert (await screening.context(payer=payer, beneficiary=LISTED)).beneficiary_screening == "unknown"
    await screening.bring(SAMPLES / "un.xml", UN)
    seen = [
        (await screening.context(payer=payer, beneficiary=name)).beneficiary_screening
        for name in (None, "Ann Miller", LISTED, LISTED.upper())
    ]
    assert seen == ["unknown", "clear", "possible", "possible"]
    (match,) = await screenings(screening)
    assert (match.subject_kind, match.customer) == ("beneficiary", payer)
    assert match.payment_intent_id is not None
    query = enveloped(GetScreening(screening_id=match.id))
    assert (await get_screening(screening.requester, screening.database, query)).screened_name == LISTED
    await screening.decide(deciding(match.id, DISMISSED))
    assert (await screening.context(payer=payer, beneficiary=LISTED)).beneficiary_screening == "clear"
    # It was said of this payer's beneficiary only.
    assert (await screening.context(beneficiary=LISTED)).beneficiary_screening == "possible"
    await screening.decide(deciding(match.id, CONFIRMED))
    assert (await screening.context(payer=payer, beneficiary=LISTED)).beneficiary_screening == "confirmed"


async def test_everybody_is_screened_again_after_an_import_some_at_a_time(screening: ScreeningDesk) -> None:
    users = [await screening.register("Ann Miller") for _ in range(AT_A_TIME)]
    users.append(await screening.register(LISTED))
    await screening.screen()
    assert {await standing(screening, user) for user in (users[0], users[-1])} == {"unknown"}  # there is no list yet
    await screening.bring(SAMPLES / "sdn.xml", OFAC)
    await screening.screen()
    assert screening.identity.asked == [AT_A_TIME, 1]
    assert {await standing(screening, user) for user in (users[0], users[-1])} == {"clear"}
    await screening.bring(SAMPLES / "un.xml", UN)
    lists = await list_sanctions_lists(screening.database, enveloped(ListSanctionsLists()))
    assert ([kept.source for kept in lists.lists], lists.customers_waiting) == ([OFAC, UN], AT_A_TIME + 1)
    await screening.screen()
    assert [await standing(screening, user) for user in (users[0], users[-1])] == ["clear", "possible"]


async def test_nobody_is_clear_while_identity_is_away(screening: ScreeningDesk) -> None:
    await screening.bring(SAMPLES / "un.xml", UN)
    user = await screening.register(LISTED)
    screening.identity.is_away = True
    with pytest.raises(NoAnswerError):
        await screening.screen()
    assert await standing(screening, user) == "unknown"
    screening.identity.is_away = False
    await screening.screen()
    assert await standing(screening, user) == "possible"


async def test_who_was_erased_is_unknown_and_their_matches_are_withdrawn(screening: ScreeningDesk) -> None:
    await screening.bring(SAMPLES / "un.xml", UN)
    user = await screening.register(LISTED)
    await screening.screen()
    screening.identity.people[user] = (None, None)
    await screening.bring(SAMPLES / "sdn.xml", OFAC)
    await screening.screen()
    assert await standing(screening, user) == "unknown"
    assert [m.status for m in await screenings(screening, "withdrawn")] == [ScreeningStatus.WITHDRAWN]


async def test_a_list_is_replaced_whole_or_not_at_all(
    screening: ScreeningDesk, changed: Callable[[str, str], Path]
) -> None:
    first = await screening.bring(SAMPLES / "un.xml", UN)
    assert (first.parties, first.names, first.published) == (2, 6, "2026-11-20T00:00:09.554Z")
    with pytest.raises(ListError):
        await screening.bring(changed("QDe.902", "QDi.901"), UN)
    assert await screening.count_parties() == 2
    second = await screening.bring(changed("QDe.902", "QDe.903"), UN)
    assert (second.version > first.version, await screening.count_parties()) == (True, 2)
    await screening.bring(SAMPLES / "sdn.csv", OFAC)
    assert await screening.count_parties() == 5
    versions = [said["version"] for said in await screening.said("risk.events.sanctions_list.imported")]
    assert versions == sorted(versions)
    assert len(versions) == 3
