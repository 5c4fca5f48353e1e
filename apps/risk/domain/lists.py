"""What may be put on the allow, deny and watch lists, and taken off."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from uuid import UUID

from apps.risk.domain.features.entities import Subject
from contracts.ids import new_id
from contracts.risk import AddListEntry, Assess, ListEntry, ListKind, RemoveListEntry, RiskList

MOST_ENTRIES = 100_000
_USER = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_PSEUDONYM = re.compile("[0-9a-f]{32}")
_COUNTRY = re.compile("[A-Z]{2}")
_VALUES: Mapping[ListKind, re.Pattern[str]] = {
    ListKind.PAYER: _USER,
    ListKind.PAYEE: _USER,
    ListKind.DEVICE: _PSEUDONYM,
    ListKind.ADDRESS: _PSEUDONYM,
    ListKind.CARD: _PSEUDONYM,
    ListKind.COUNTRY: _COUNTRY,
}


Named = tuple[str, str]
"""Kind and value of something that may be on a list."""


def names_of(payment: Subject | Assess) -> list[Named]:
    """Return all that a payment names and a list may have."""
    values = {
        ListKind.PAYER: payment.payer,
        ListKind.PAYEE: payment.payee,
        ListKind.DEVICE: payment.device,
        ListKind.ADDRESS: payment.address,
        ListKind.CARD: payment.card,
        ListKind.COUNTRY: payment.country,
    }
    return [(kind.value, str(value)) for kind, value in values.items() if value is not None]


@dataclass(frozen=True, slots=True)
class Listed:
    """On which lists anything of a payment is."""

    allow: bool = False
    deny: bool = False
    watch: bool = False

    def on(self, name: RiskList) -> "Listed":
        """Return the same with one list more."""
        return replace(self, **{name.value: True})


class ListRefusal(Enum):
    """Why a list stays as it is."""

    LIST_VALUE_INVALID = "list_value_invalid"
    LIST_ENTRY_EXPIRED = "list_entry_expired"
    LIST_ENTRY_EXISTS = "list_entry_exists"
    TOO_MANY_LIST_ENTRIES = "too_many_list_entries"
    LIST_ENTRY_NOT_FOUND = "list_entry_not_found"
    LIST_ENTRY_ENDED = "list_entry_ended"

    @property
    def detail(self) -> str:
        """The sentence for people."""
        return _DETAILS[self]


_DETAILS = {
    ListRefusal.LIST_VALUE_INVALID: "Users are listed by id, devices, addresses and cards by pseudonym (32 hex digits),"
    " countries by ISO 3166-1 code. A country is what the client says it is, and cannot be allowed.",
    ListRefusal.LIST_ENTRY_EXPIRED: "The entry would have expired already.",
    ListRefusal.LIST_ENTRY_EXISTS: "It is on this list already; remove that entry first to change it.",
    ListRefusal.TOO_MANY_LIST_ENTRIES: f"There are {MOST_ENTRIES:,} entries, and no more can be.",
    ListRefusal.LIST_ENTRY_NOT_FOUND: "There is no list entry with this id.",
    ListRefusal.LIST_ENTRY_ENDED: "The entry has been removed already, or has expired.",
}


def add(asked: AddListEntry, known: ListEntry | None, entries: int, now: datetime) -> ListEntry | ListRefusal:
    """Return the new entry; `known` is the active one of the same value on the same list, if any, expired or not."""
    is_claimed = asked.list is RiskList.ALLOW and asked.kind is ListKind.COUNTRY
    if is_claimed or not _VALUES[asked.kind].fullmatch(asked.value):
        return ListRefusal.LIST_VALUE_INVALID
    if asked.expires_at and asked.expires_at <= now:
        return ListRefusal.LIST_ENTRY_EXPIRED
    if known and not is_expired(known, now):
        return ListRefusal.LIST_ENTRY_EXISTS
    if entries >= MOST_ENTRIES:
        return ListRefusal.TOO_MANY_LIST_ENTRIES
    return ListEntry(
        id=new_id(),
        list=asked.list,
        kind=asked.kind,
        value=asked.value,
        expires_at=asked.expires_at,
        owner=asked.owner,
        reason=asked.reason,
        added_by=asked.added_by,
        added_at=now,
    )


def remove(asked: RemoveListEntry, known: ListEntry | None, now: datetime) -> ListEntry | ListRefusal:
    """Return the entry as it is once it has been removed."""
    if known is None:
        return ListRefusal.LIST_ENTRY_NOT_FOUND
    if known.removed_at or is_expired(known, now):
        return ListRefusal.LIST_ENTRY_ENDED
    taken_off: dict[str, str | UUID | datetime] = {
        "removed_by": asked.removed_by,
        "removed_at": now,
        "removal_reason": asked.reason,
    }
    return known.model_copy(update=taken_off)


def is_expired(entry: ListEntry, now: datetime) -> bool:
    """Tell whether an entry's time is over."""
    return entry.expires_at is not None and entry.expires_at <= now
