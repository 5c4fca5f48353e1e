"""OFAC's list of Specially Designated Nationals: sdn.xml, or sdn.csv with alt.csv beside it.

Formats: "Specially Designated Nationals and Blocked Persons Data Specification" (dat_spec.txt) for CSV, which has no
heading row and `-0-` for null; sdn.xsd for XML.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from apps.risk.domain.screening.birth_dates import BirthDate
from apps.risk.domain.screening.parties import ListedParty
from apps.risk.sanctions_lists.reading import (
    ListError,
    checked,
    children,
    distinct,
    programs_of,
    records,
    refuse,
    rows,
    text_of,
)
from apps.risk.sanctions_lists.written_dates import read_birth_date
from contracts.risk import PartyKind, SanctionsSource

_KINDS = {
    "individual": PartyKind.PERSON,
    "entity": PartyKind.ORGANISATION,
    "vessel": PartyKind.OTHER,
    "aircraft": PartyKind.OTHER,
}
_NULL = "-0-"
_PARTY_COLUMNS, _ALIAS_COLUMNS = 12, 5
_REMARK_DATE = re.compile(r"(?:^|; )(?:alt\. )?DOB ([^;]+?)\.?(?=;|$)")
_REMARK_ALIAS = re.compile(r"(?:^|; )(?:a|f|n)\.k\.a\. '([^']+)'")


def read_xml(path: Path) -> Iterator[ListedParty]:
    """Read sdn.xml. Raises ListError."""
    for entry in records(path, "sdnList", frozenset({"sdnEntry"})):
        reference = text_of(entry, "uid")
        where = f"{path.name}, entry {reference or '?'}"
        kind = _KINDS.get(text_of(entry, "sdnType").lower())
        if kind is None:
            refuse(where, f"{text_of(entry, 'sdnType') or 'nothing'!r} is no type of party")
        aliases = children(entry, "akaList", "aka")
        strong = (_name_of(a) for a in aliases if text_of(a, "category") != "weak")
        weak = distinct(_name_of(a) for a in aliases if text_of(a, "category") == "weak")
        dates = (
            read_birth_date(text_of(d)) for d in children(entry, "dateOfBirthList", "dateOfBirthItem", "dateOfBirth")
        )
        party = ListedParty(
            SanctionsSource.OFAC,
            reference,
            kind,
            distinct((_name_of(entry), *strong)),
            weak,
            tuple(filter(None, dates)),
            programs_of(text_of(p) for p in children(entry, "programList", "program")),
        )
        yield checked(party, where)


def read_csv(path: Path) -> Iterator[ListedParty]:
    """Read sdn.csv, and the aliases in alt.csv beside it. Raises ListError, OSError."""
    aliases = _aliases(path.with_name(path.name.lower().replace("sdn", "alt", 1)), path)
    for line, row in rows(path):
        where = f"{path.name}, line {line}"
        if len(row) != _PARTY_COLUMNS:
            refuse(where, f"it has {len(row)} columns, and not the {_PARTY_COLUMNS} of sdn.csv")
        reference, name, kind, program, *_, remarks = (_cell(cell) for cell in row)
        if not reference.isdigit():
            refuse(where, f"{reference!r} is no number of a party")
        if kind and kind not in _KINDS:
            refuse(where, f"{kind!r} is no type of party")
        party = ListedParty(
            SanctionsSource.OFAC,
            reference,
            _KINDS[kind or "entity"],
            distinct((_turned(name, kind), *(_turned(alias, kind) for alias in aliases[reference]))),
            distinct(_turned(alias, kind) for alias in _REMARK_ALIAS.findall(remarks)),
            _remark_dates(remarks),
            programs_of(program.split("] [")),
        )
        yield checked(party, where)


def _aliases(path: Path, beside: Path) -> defaultdict[str, list[str]]:
    if not path.exists():
        raise ListError(f"{path.name} has to be beside {beside.name}: it has the aliases")
    found: defaultdict[str, list[str]] = defaultdict(list)
    for line, row in rows(path):
        if len(row) != _ALIAS_COLUMNS:
            refuse(f"{path.name}, line {line}", f"it has {len(row)} columns, and not the {_ALIAS_COLUMNS} of alt.csv")
        found[_cell(row[0])].append(_cell(row[3]))
    return found


def _cell(text: str) -> str:
    plain = text.strip()
    return "" if plain == _NULL else plain


def _turned(name: str, kind: str) -> str:
    """Return a person's name as people say it: the list writes LAST, First."""
    last, comma, first = name.partition(",")
    return f"{first.strip()} {last.strip()}" if comma and kind == "individual" else name


def _remark_dates(remarks: str) -> tuple[BirthDate, ...]:
    return tuple(filter(None, (read_birth_date(text) for text in _REMARK_DATE.findall(remarks))))


def _name_of(element: Element) -> str:
    return f"{text_of(element, 'firstName')} {text_of(element, 'lastName')}".strip()
