"""Sanctions lists as they are published: small files in the true formats, and files that are broken."""

from collections.abc import Callable
from pathlib import Path

import pytest

from apps.risk.domain.screening.parties import ListedParty
from apps.risk.sanctions_lists import reading
from apps.risk.sanctions_lists.files import read_list
from apps.risk.sanctions_lists.reading import ListError
from apps.risk.sanctions_lists.written_dates import read_birth_date
from contracts.risk import PartyKind, SanctionsSource

SAMPLES = Path(__file__).parent / "sanctions_samples"
OFAC, UN, EU = SanctionsSource.OFAC, SanctionsSource.UN, SanctionsSource.EU


def parties(file: str, source: SanctionsSource) -> dict[str, ListedParty]:
    return {party.reference: party for party in read_list(SAMPLES / file, source).parties}


@pytest.mark.parametrize("file", ["sdn.xml", "sdn.csv"])
def test_ofac(file: str) -> None:
    found = parties(file, OFAC)
    person, entity, vessel = found["90001"], found["90002"], found["90003"]
    assert person.names == ("Dmitri Sergeyevich EXEMPLAROV", "Dmitriy EXEMPLAROW")
    assert person.weak_names == ("NIGHTSAMPLE",)
    assert [str(date) for date in person.birth_dates] == ["1963-07-28", "1964/1966"]
    assert person.programs == ("CYBER2", "RUSSIA-EO14024")
    assert [p.kind for p in (person, entity, vessel)] == [PartyKind.PERSON, PartyKind.ORGANISATION, PartyKind.OTHER]
    assert entity.names == ("SAMPLE MARITIME TRADING LLC",)


def test_the_same_party_is_the_same_in_both_formats_of_ofac() -> None:
    xml, csv = parties("sdn.xml", OFAC), parties("sdn.csv", OFAC)
    assert {r: p.hash for r, p in xml.items()} == {r: p.hash for r, p in csv.items()}


def test_the_united_nations() -> None:
    found = parties("un.xml", UN)
    person, entity = found["QDi.901"], found["QDe.902"]
    assert person.names == ("YUSUF AHMAD AL-EXEMPLARI", "يوسف أحمد المثالي", "Youssef Ahmed Exemplari")
    assert person.weak_names == ("Abu Sample",)
    assert [str(date) for date in person.birth_dates] == ["1958/1963", "1961-03-04", "1949/1951"]
    assert (entity.kind, entity.names) == (
        PartyKind.ORGANISATION,
        ("SAMPLE CHARITY FOUNDATION", "Specimen Relief"),
    )


@pytest.mark.parametrize(("file", "weak", "dates"), [
    ("eu.xml", ("The Sampler",), ["1957-04-28", "1959/1961"]),
    ("eu.csv", (), ["1957-04-28"]),
])  # fmt: skip
def test_the_european_union(file: str, weak: tuple[str, ...], dates: list[str]) -> None:
    found = parties(file, EU)
    person, entity = found["EU.9001.1"], found["EU.9002.2"]
    assert person.names == ("Владимир Примеров", "Vladimir Primerov")
    assert person.weak_names == weak
    assert [str(date) for date in person.birth_dates] == dates
    assert (person.kind, entity.kind, entity.names) == (
        PartyKind.PERSON,
        PartyKind.ORGANISATION,
        ("Commercial Bank of Specimen",),
    )


@pytest.mark.parametrize(("file", "source", "published"), [
    ("sdn.xml", OFAC, "11/20/2026"),
    ("un.xml", UN, "2026-11-20T00:00:09.554Z"),
    ("eu.xml", EU, "2026-11-20T15:51:25.849+01:00"),
    ("sdn.csv", OFAC, None),
])  # fmt: skip
def test_a_list_says_when_it_was_published(file: str, source: SanctionsSource, published: str | None) -> None:
    assert read_list(SAMPLES / file, source).published == published


@pytest.mark.parametrize(("text", "read"), [
    ("28 Jul 1963", "1963-07-28"),
    ("Jul 1963", "1963"),
    ("1963", "1963"),
    ("1963-07-28", "1963-07-28"),
    ("circa 1963", "1962/1964"),
    ("approximately 1963", "1962/1964"),
    ("1958 to 1963", "1958/1963"),
    ("01 Jan 1958 to 31 Dec 1963", "1958/1963"),
    ("31 Feb 1963", None),
    ("unknown", None),
    ("", None),
    ("0999", None),
])  # fmt: skip
def test_birth_dates_as_lists_write_them(text: str, read: str | None) -> None:
    found = read_birth_date(text)
    assert (None if found is None else str(found)) == read


BILLION_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    "<sdnList><sdnEntry><uid>&b;</uid></sdnEntry></sdnList>"
)


def _cut(sample: str) -> Callable[[], str]:
    return lambda: (SAMPLES / sample).read_text()[:-40]


def _with(sample: str, old: str, new: str) -> Callable[[], str]:
    return lambda: (SAMPLES / sample).read_text().replace(old, new)


@pytest.mark.parametrize(("name", "source", "content", "says"), [
    ("sdn.xml", OFAC, _cut("sdn.xml"), "is not whole XML: .* download it again"),
    ("sdn.xml", OFAC, lambda: BILLION_LAUGHS, "has a document type or entities"),
    ("sdn.xml", UN, _with("sdn.xml", "", ""), "is <sdnList>, and not the <CONSOLIDATED_LIST>"),
    ("sdn.xml", OFAC, _with("sdn.xml", "<sdnType>Vessel", "<sdnType>Asteroid"), "entry 90003: 'Asteroid' is no type"),
    ("sdn.xml", OFAC, _with("sdn.xml", "<uid>90002<", "<uid>90001<"), "has the reference 90001 twice"),
    ("sdn.xml", OFAC, _with("sdn.xml", "GOLDEN SPECIMEN", "?"), "entry 90003: it has no name"),
    ("sdn.xml", OFAC, _with("sdn.xml", "GOLDEN", "G" * 501), "entry 90003: it has a name of more than 500"),
    ("sdn.xml", OFAC, lambda: "<sdnList/>", "has no parties"),
    ("un.xml", UN, _with("un.xml", "<REFERENCE_NUMBER>QDe.902<", "<REFERENCE_NUMBER>" + "9" * 65 + "<"), "reference"),
    ("eu.xml", EU, _with("eu.xml", 'code="enterprise" classificationCode="E"', ""), "EU.9002.2: 'nothing' is no"),
    ("un.csv", UN, lambda: "a,b,c", "is CSV, and the UN list is read as XML only"),
    ("sdn.csv", OFAC, _with("sdn.csv", "", ""), "alt.csv has to be beside sdn.csv"),
    ("eu.csv", EU, lambda: "a;b\n1;2\n", "has no column Entity_LogicalId"),
    ("eu.csv", EU, _with("eu.csv", "20/11/2026;902;", "20/11/2026;;"), "line 5: it has no Entity_LogicalId"),
    ("eu.csv", EU, lambda: "", "has no column"),
])  # fmt: skip
def test_what_is_broken_is_refused_with_its_place(
    tmp_path: Path, name: str, source: SanctionsSource, content: Callable[[], str], says: str
) -> None:
    (tmp_path / name).write_text(content())
    with pytest.raises(ListError, match=says):
        read_list(tmp_path / name, source)


def test_rows_of_csv_are_checked(tmp_path: Path) -> None:
    (tmp_path / "alt.csv").write_bytes((SAMPLES / "alt.csv").read_bytes())
    good = (SAMPLES / "sdn.csv").read_bytes()
    for broken, says in [
        (good + b'\n90009,"CUT SHORT"\n', "line 5: it has 2 columns"),
        (good.replace(b'"vessel"', b'"asteroid"'), "line 3: 'asteroid' is no type"),
        (b"\xff\xfe" + good, "is not UTF-8 at byte 0"),
    ]:
        (tmp_path / "sdn.csv").write_bytes(broken)
        with pytest.raises(ListError, match=says):
            read_list(tmp_path / "sdn.csv", OFAC)


def test_nothing_is_larger_than_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_BYTES", 10)
    with pytest.raises(ListError, match="that is no sanctions list"):
        read_list(SAMPLES / "un.xml", UN)
    monkeypatch.undo()
    monkeypatch.setattr(reading, "MOST_PARTIES", 1)
    with pytest.raises(ListError, match="has more than 1 parties"):
        read_list(SAMPLES / "un.xml", UN)
