"""Sanctions lists in use, and their parties."""

from collections.abc import Sequence

import orjson

from apps.risk.domain.screening.birth_dates import BirthDate
from apps.risk.domain.screening.parties import ListedParty
from contracts.risk import PartyKind, SanctionsList, SanctionsSource
from outbox.database import Reads
from outbox.transaction import Transaction

AT_A_TIME = 1_000
"""Parties that are written by one statement."""
# One import at a time: that of another version of the same list would find its parties there.
_TURN = 7111
_TAKE_TURN = "SELECT pg_advisory_xact_lock($1)"
_NEWEST = "SELECT max(version) FROM sanctions_list"
_LISTS = "SELECT DISTINCT ON (source) * FROM sanctions_list ORDER BY source, version DESC"
_PARTIES = "SELECT source, reference, kind, names, weak_names, birth_dates, programs FROM listed_party"
_FORGET = "DELETE FROM listed_party WHERE source = $1"
_ADD_LIST = """
INSERT INTO sanctions_list (source, format, published, sha256, parties, names, imported_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING version
"""
_ADD_PARTIES = """
INSERT INTO listed_party (source, reference, kind, names, weak_names, birth_dates, programs)
SELECT $1, reference, kind, names, weak_names, birth_dates, programs
FROM jsonb_to_recordset($2::jsonb)
     AS party (reference text, kind text, names text[], weak_names text[], birth_dates text[], programs text[])
"""


async def newest_version(reads: Reads) -> int | None:
    """Return the version that was imported last, whichever list it is of; None where none was."""
    version: int | None = await reads.fetchval(_NEWEST)
    return version


async def load_lists(reads: Reads) -> list[SanctionsList]:
    """Return the lists in use."""
    return [SanctionsList.model_validate(dict(row)) for row in await reads.fetch(_LISTS)]


async def load_parties(reads: Reads) -> list[ListedParty]:
    """Return all parties of the lists in use."""
    return [
        ListedParty(
            SanctionsSource(row["source"]),
            row["reference"],
            PartyKind(row["kind"]),
            tuple(row["names"]),
            tuple(row["weak_names"]),
            tuple(map(BirthDate.read, row["birth_dates"])),
            tuple(row["programs"]),
        )
        for row in await reads.fetch(_PARTIES)
    ]


async def replace_list(tx: Transaction, made: SanctionsList, parties: Sequence[ListedParty]) -> SanctionsList:
    """Keep a list in the place of the one of the same source; return it with its version."""
    await tx.fetchval(_TAKE_TURN, _TURN)
    await tx.execute(_FORGET, made.source.value)
    row = (made.source.value, made.format, made.published, made.sha256, made.parties, made.names, made.imported_at)
    version = await tx.fetchval(_ADD_LIST, *row)
    for start in range(0, len(parties), AT_A_TIME):
        some = [_row(party) for party in parties[start : start + AT_A_TIME]]
        await tx.execute(_ADD_PARTIES, made.source.value, orjson.dumps(some).decode())
    return made.model_copy(update={"version": version})


def _row(party: ListedParty) -> dict[str, object]:
    return {
        "reference": party.reference,
        "kind": party.kind.value,
        "names": party.names,
        "weak_names": party.weak_names,
        "birth_dates": [str(birth_date) for birth_date in party.birth_dates],
        "programs": party.programs,
    }
