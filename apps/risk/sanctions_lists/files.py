"""A file of a sanctions list, read whole: which format it is, what it says of itself, and all its parties."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from apps.risk.domain.screening.parties import ListedParty
from apps.risk.sanctions_lists import eu, ofac, un
from apps.risk.sanctions_lists.reading import ListError, check_size, is_xml, whole
from contracts.risk import SanctionsSource

_READERS: dict[tuple[SanctionsSource, str], Callable[[Path], Iterator[ListedParty]]] = {
    (SanctionsSource.OFAC, "xml"): ofac.read_xml,
    (SanctionsSource.OFAC, "csv"): ofac.read_csv,
    (SanctionsSource.UN, "xml"): un.read_xml,
    (SanctionsSource.EU, "xml"): eu.read_xml,
    (SanctionsSource.EU, "csv"): eu.read_csv,
}
_PUBLISHED = re.compile(
    rb'Publish_Date>\s*([0-9/]{8,10})\s*<|dateGenerated="([0-9T:.Z+-]{10,35})"|generationDate="([0-9T:.Z+-]{10,35})"'
)
_HEAD_BYTES = 4096


@dataclass(frozen=True)
class ListFile:
    """A list as a file has it; `published` is when it was published, as the file says it, where it does."""

    source: SanctionsSource
    format: str
    published: str | None
    sha256: str
    parties: list[ListedParty]


def read_list(path: Path, source: SanctionsSource) -> ListFile:
    """Read a file. Raises ListError for one that is not such a list, or not whole; OSError."""
    check_size(path)
    written = "xml" if is_xml(path) else "csv"
    read = _READERS.get((source, written))
    if read is None:
        raise ListError(f"{path.name} is {written.upper()}, and the {source.value.upper()} list is read as XML only")
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        file.seek(0)
        sha256 = file_digest(file, "sha256").hexdigest()
    said = _PUBLISHED.search(head) if written == "xml" else None
    published = next(text for text in said.groups() if text).decode() if said else None
    return ListFile(source, written, published, sha256, whole(read(path), path.name))
