"""Parties on sanctions lists, and who is screened against them."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple

import orjson

from apps.risk.domain.screening.birth_dates import BirthDate
from contracts.risk import PartyKind, SanctionsSource

MOST_NAMES = 1_000
LONGEST_NAME = 500
LONGEST_REFERENCE = 64


class Trust(StrEnum):
    """Whether a list stands by an alias: OFAC has weak ones, the UN ones of low quality, the EU ones not strong."""

    STRONG = "strong"
    WEAK = "weak"


class PartyKey(NamedTuple):
    """A party as it was at a time: one that has changed since is another."""

    source: SanctionsSource
    reference: str
    hash: str


@dataclass(frozen=True)
class ListedParty:
    """A party on a list, under the reference that the list itself gives it. The first name is the main one."""

    source: SanctionsSource
    reference: str
    kind: PartyKind
    names: tuple[str, ...]
    weak_names: tuple[str, ...] = ()
    birth_dates: tuple[BirthDate, ...] = ()
    programs: tuple[str, ...] = ()

    @cached_property
    def hash(self) -> str:
        """SHA-256 of what matches are judged by: a party of which any of it changes is looked at again."""
        judged = (
            self.kind,
            self.names[:1],
            sorted(self.names),
            sorted(self.weak_names),
            sorted(map(str, self.birth_dates)),
        )
        return sha256(orjson.dumps(judged)).hexdigest()

    @property
    def key(self) -> PartyKey:
        """The party as it is now."""
        return PartyKey(self.source, self.reference, self.hash)


@dataclass(frozen=True, slots=True)
class Screened:
    """Whom to screen: what is known of them. `kind` is None where nobody knows."""

    name: str
    birth_date: date | None = None
    kind: PartyKind | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A listed party that somebody is like, by which of its names, and how much: from the threshold to 100."""

    party: ListedParty
    listed_name: str
    score: int
