"""The European Union's consolidated list of financial sanctions: the XML (export, version 1.1) and the CSV file.

In the CSV file, whose columns are separated by semicolons, one party has as many rows as it has names, addresses, birth
dates and so on; it does not say which names are weak.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

from apps.risk.domain.screening.birth_dates import BirthDate
from apps.risk.domain.screening.parties import ListedParty
from apps.risk.sanctions_lists.reading import ListError, checked, children, distinct, programs_of, records, refuse, rows
from apps.risk.sanctions_lists.written_dates import read_birth_date, year_of
from contracts.risk import PartyKind, SanctionsSource

_KINDS = {
    "person": PartyKind.PERSON,
    "P": PartyKind.PERSON,
    "enterprise": PartyKind.ORGANISATION,
    "E": PartyKind.ORGANISATION,
}
_ID, _NAME = "Entity_LogicalId", "NameAlias_WholeName"
_TYPES = ("Entity_SubjectType", "Entity_SubjectType_ClassificationCode")
_REFERENCE, _PROGRAM = "Entity_EU_ReferenceNumber", "Entity_Regulation_Programme"
_DATE = "BirthDate_BirthDate"


def read_xml(path: Path) -> Iterator[ListedParty]:
    """Read the XML file. Raises ListError."""
    for entity in records(path, "export", frozenset({"sanctionEntity"})):
        reference = entity.get("euReferenceNumber", "") or entity.get("logicalId", "")
        where = f"{path.name}, entity {reference or '?'}"
        aliases = children(entity, "nameAlias")
        types = [
            kind.get(name, "") for kind in children(entity, "subjectType") for name in ("code", "classificationCode")
        ]
        party = ListedParty(
            SanctionsSource.EU,
            reference,
            _kind(types, where),
            distinct(map(_whole_name, (a for a in aliases if a.get("strong") != "false"))),
            distinct(map(_whole_name, (a for a in aliases if a.get("strong") == "false"))),
            tuple(filter(None, map(_birth_date, children(entity, "birthdate")))),
            programs_of(regulation.get("programme", "") for regulation in children(entity, "regulation")),
        )
        yield checked(_with_a_main_name(party), where)


def read_csv(path: Path) -> Iterator[ListedParty]:
    """Read the CSV file. Raises ListError."""
    lines = rows(path, ";")
    heading = next(lines, (0, list[str]()))[1]
    if missing := [name for name in (_ID, _NAME) if name not in heading]:
        raise ListError(f"{path.name} has no column {missing[0]}: it is not the EU's CSV file")
    found: dict[str, _Gathered] = {}
    for line, row in lines:
        if len(row) > len(heading):
            refuse(f"{path.name}, line {line}", f"it has {len(row)} columns, and the heading has {len(heading)}")
        cells = dict(zip(heading, (cell.strip() for cell in row), strict=False))
        if not cells.get(_ID):
            refuse(f"{path.name}, line {line}", f"it has no {_ID}")
        found.setdefault(cells[_ID], _Gathered(line)).add(cells)
    for identifier, gathered in found.items():
        where = f"{path.name}, line {gathered.line}"
        party = ListedParty(
            SanctionsSource.EU,
            gathered.reference or identifier,
            _kind(gathered.types, where),
            distinct(gathered.names),
            birth_dates=tuple(filter(None, map(read_birth_date, dict.fromkeys(gathered.dates)))),
            programs=programs_of(gathered.programs),
        )
        yield checked(party, where)


@dataclass
class _Gathered:
    """What the rows of one party say, from `line` on."""

    line: int
    reference: str = ""
    types: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    dates: list[str] = field(default_factory=list)
    programs: list[str] = field(default_factory=list)

    def add(self, cells: dict[str, str]) -> None:
        self.reference = self.reference or cells.get(_REFERENCE, "")
        self.types += [cells.get(name, "") for name in _TYPES]
        self.names.append(cells.get(_NAME, ""))
        self.programs.append(cells.get(_PROGRAM, ""))
        self.dates.append(cells.get(_DATE) or cells.get("BirthDate_Year", ""))


def _kind(types: list[str], where: str) -> PartyKind:
    for text in types:
        if kind := _KINDS.get(text):
            return kind
    return refuse(where, f"{next(filter(None, types), 'nothing')!r} is no type of party")


def _whole_name(alias: Element) -> str:
    parts = (alias.get(part, "") for part in ("firstName", "middleName", "lastName"))
    return alias.get("wholeName") or " ".join(filter(None, parts))


def _with_a_main_name(party: ListedParty) -> ListedParty:
    """Return a party of weak names only with these as its names: there are no others to know it by."""
    if party.names:
        return party
    return ListedParty(
        party.source,
        party.reference,
        party.kind,
        party.weak_names,
        birth_dates=party.birth_dates,
        programs=party.programs,
    )


def _birth_date(element: Element) -> BirthDate | None:
    first, last = year_of(element.get("yearRangeFrom", "")), year_of(element.get("yearRangeTo", ""))
    if first and last:
        return BirthDate(min(first, last), max(first, last))
    known = read_birth_date(element.get("birthdate", "") or element.get("year", ""))
    return BirthDate.about(known.first) if known and element.get("circa") == "true" else known
