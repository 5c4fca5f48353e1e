"""The United Nations Security Council's consolidated list: consolidated.xml (sc-sanctions.xsd)."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from apps.risk.domain.screening.birth_dates import BirthDate
from apps.risk.domain.screening.parties import ListedParty
from apps.risk.sanctions_lists.reading import checked, children, distinct, programs_of, records, tag_of, text_of
from apps.risk.sanctions_lists.written_dates import read_birth_date, year_of
from contracts.risk import PartyKind, SanctionsSource

_KINDS = {"INDIVIDUAL": PartyKind.PERSON, "ENTITY": PartyKind.ORGANISATION}
_NAME_PARTS = ("FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME")


def read_xml(path: Path) -> Iterator[ListedParty]:
    """Read consolidated.xml. Raises ListError."""
    for entry in records(path, "CONSOLIDATED_LIST", frozenset(_KINDS)):
        tag = tag_of(entry)
        reference = text_of(entry, "REFERENCE_NUMBER") or text_of(entry, "DATAID")
        name = " ".join(filter(None, (text_of(entry, part) for part in _NAME_PARTS)))
        aliases = [
            (text_of(alias, "ALIAS_NAME"), text_of(alias, "QUALITY")) for alias in children(entry, f"{tag}_ALIAS")
        ]
        party = ListedParty(
            SanctionsSource.UN,
            reference,
            _KINDS[tag],
            distinct((name, text_of(entry, "NAME_ORIGINAL_SCRIPT"), *(a for a, q in aliases if q != "Low"))),
            distinct(a for a, q in aliases if q == "Low"),
            tuple(filter(None, map(_birth_date, children(entry, "INDIVIDUAL_DATE_OF_BIRTH")))),
            programs_of([text_of(entry, "UN_LIST_TYPE")]),
        )
        yield checked(party, f"{path.name}, {tag.lower()} {reference or '?'}")


def _birth_date(element: Element) -> BirthDate | None:
    first, last = year_of(text_of(element, "FROM_YEAR")), year_of(text_of(element, "TO_YEAR"))
    if first and last:
        return BirthDate(min(first, last), max(first, last))
    known = read_birth_date(text_of(element, "DATE")[:10] or text_of(element, "YEAR"))
    if known and text_of(element, "TYPE_OF_DATE") == "APPROXIMATELY":
        return BirthDate.about(known.first)
    return known
