"""Deciding again what was decided before: what is decided now has to be, bit for bit, what was stored then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from uuid import UUID

from apps.risk.domain.features.catalogue import Value
from apps.risk.domain.ruling import Judged, Ruling


class NotReplayableError(Exception):
    """A decision lacks what is needed to make it again; the text says what."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A decision as it was stored: the values that it was made from, the hashes of what made it, and what it was."""

    assessment_id: UUID
    values: Sequence[Value]
    catalogue: str
    rule_set: str
    model: str | None
    judged: Judged


@dataclass(frozen=True, slots=True)
class Difference:
    """A part of a decision that comes out otherwise than it was stored."""

    assessment_id: UUID
    part: str
    stored: object
    replayed: object


def named(names: Sequence[str], values: Sequence[Value]) -> Mapping[str, Value]:
    """Return values by name. Raises NotReplayableError where they are not as many as the catalogue has names."""
    if len(names) != len(values):
        raise NotReplayableError(f"{len(values)} values are stored, and the catalogue has {len(names)} names")
    return dict(zip(names, values, strict=True))


def replay(ruling: Ruling, names: Sequence[str], kept: Kept) -> list[Difference]:
    """Decide again, and return where it differs. Raises NotReplayableError."""
    replayed = ruling.judge(named(names, kept.values))
    pairs = ((f.name, getattr(kept.judged, f.name), getattr(replayed, f.name)) for f in fields(Judged))
    return [Difference(kept.assessment_id, part, was, now) for part, was, now in pairs if was != now]
