"""What reading all lists has in common: bounds, XML that cannot harm, and errors that say what to do."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from apps.risk.domain.screening.names import Name
from apps.risk.domain.screening.parties import LONGEST_NAME, LONGEST_REFERENCE, MOST_NAMES, ListedParty

MOST_BYTES = 512 * 2**20
MOST_PARTIES = 100_000
MOST_PROGRAMS, LONGEST_PROGRAM = 50, 100
_LONGEST_CELL = 2**20
_XML_SPACE = "\ufeff \t\r\n"


class ListError(ValueError):
    """A file is not the list that it should be; says what is wrong and where."""


def check_size(path: Path) -> None:
    """Refuse a file that no list is as large as. Raises ListError, OSError."""
    if path.stat().st_size > MOST_BYTES:
        raise ListError(f"{path.name} has more than {MOST_BYTES // 2**20} MiB: that is no sanctions list")


def is_xml(path: Path) -> bool:
    """Tell whether a file begins as XML does."""
    with path.open("rb") as file:
        return file.read(64).decode("utf-8", "replace").lstrip(_XML_SPACE).startswith("<")


def records(path: Path, root: str, tags: frozenset[str]) -> Iterator[Element]:
    """Return the elements of an XML file with these tags (without their namespaces), one at a time.

    Document types, and with them entities, are refused. Raises ListError.
    """
    depth = 0
    try:
        for event, element in iterparse(path, events=("start", "end"), forbid_dtd=True):
            if event == "start":
                depth += 1
                if depth == 1 and tag_of(element) != root:
                    raise ListError(f"{path.name} is <{tag_of(element)}>, and not the <{root}> that it should be")
                continue
            depth -= 1
            if tag_of(element) in tags:
                yield element
                element.clear()
    except ParseError as error:
        raise ListError(f"{path.name} is not whole XML: {error}; download it again") from error
    except DefusedXmlException as error:
        raise ListError(f"{path.name} has a document type or entities, which no sanctions list has") from error


def tag_of(element: Element) -> str:
    """Return an element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def children(element: Element, *path: str) -> list[Element]:
    """Return the elements at a path of names below one, in any namespace."""
    found = [element]
    for name in path:
        found = [child for parent in found for child in parent if tag_of(child) == name]
    return found


def text_of(element: Element, *path: str) -> str:
    """Return the text of the first element at a path that has any, "" where none has."""
    texts = (" ".join((child.text or "").split()) for child in children(element, *path))
    return next(filter(None, texts), "")


def rows(path: Path, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Return the rows of a CSV file with the numbers of their lines. Raises ListError."""
    csv.field_size_limit(_LONGEST_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter)
            for row in reader:
                if row and row != ["\x1a"]:  # the mark that OFAC's files end with
                    yield reader.line_num, row
    except UnicodeDecodeError as error:
        raise ListError(f"{path.name} is not UTF-8 at byte {error.start}") from error
    except csv.Error as error:
        raise ListError(f"{path.name} is not CSV: {error}") from error


def checked(party: ListedParty, where: str) -> ListedParty:
    """Return a party that can be kept and screened against. Raises ListError."""
    if not 0 < len(party.reference) <= LONGEST_REFERENCE:
        refuse(where, f"it has no reference of up to {LONGEST_REFERENCE} characters")
    if not party.names or not Name.of(party.names[0]).words:
        refuse(where, "it has no name")
    if len(party.names) + len(party.weak_names) > MOST_NAMES:
        refuse(where, f"it has more than {MOST_NAMES:,} names")
    if any(len(name) > LONGEST_NAME for name in (*party.names, *party.weak_names)):
        refuse(where, f"it has a name of more than {LONGEST_NAME} characters")
    return party


def whole(parties: Iterable[ListedParty], file: str) -> list[ListedParty]:
    """Return all parties of a list: there are some, none of them twice, and not too many. Raises ListError."""
    found: dict[str, ListedParty] = {}
    for party in parties:
        if party.reference in found:
            raise ListError(f"{file} has the reference {party.reference} twice")
        if len(found) == MOST_PARTIES:
            raise ListError(f"{file} has more than {MOST_PARTIES:,} parties")
        found[party.reference] = party
    if not found:
        raise ListError(f"{file} has no parties: what it has is no list, or an empty one")
    return list(found.values())


def refuse(where: str, what: str) -> NoReturn:
    """Refuse a list because of one of its parties. Raises ListError."""
    raise ListError(f"{where}: {what}")


def distinct(texts: Iterable[str]) -> tuple[str, ...]:
    """Return texts without empty ones and repetitions, in order."""
    return tuple(dict.fromkeys(" ".join(text.split()) for text in texts if text.strip()))


def programs_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the programmes that a party is listed under, as far as there is room for them."""
    return tuple(text[:LONGEST_PROGRAM] for text in distinct(texts)[:MOST_PROGRAMS])
