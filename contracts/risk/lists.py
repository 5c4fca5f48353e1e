"""Lists of payers, payees, devices, addresses, cards and countries that rules let pass, stop or watch."""

from enum import StrEnum
from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Idempotency, Message, command, event, query

LIST_ENTRIES_LIMIT = 100

ListValue = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
ListReason = Annotated[str, Field(min_length=1, max_length=500, pattern="^[^\x00]*$")]


class RiskList(StrEnum):
    """The lists; rules see them as `listed_allow`, `listed_deny` and `listed_watch`."""

    ALLOW = "allow"
    DENY = "deny"
    WATCH = "watch"


class ListKind(StrEnum):
    """What an entry names: a user by id, a device, address or card by pseudonym, a country by its ISO 3166-1 code."""

    PAYER = "payer"
    PAYEE = "payee"
    DEVICE = "device"
    ADDRESS = "address"
    CARD = "card"
    COUNTRY = "country"


class ListEntry(Message):
    """An entry of a list, kept for ever; it counts until it expires or is removed. `owner` answers for it."""

    id: UUID7
    list: RiskList
    kind: ListKind
    value: str
    expires_at: AwareDatetime | None = None
    owner: UUID7
    reason: str
    added_by: UUID7
    added_at: AwareDatetime
    removed_by: UUID7 | None = None
    removed_at: AwareDatetime | None = None
    removal_reason: str | None = None


class ListEntryPage(Message):
    """Entries, newest first; `next_before` continues after the last one, and is None at the end."""

    entries: list[ListEntry]
    next_before: UUID7 | None = None


@command("risk", "add_list_entry", senders=("gateway",), answer=ListEntry)
class AddListEntry(Message):
    """Put something on a list.

    Refused with `list_value_invalid`, `list_entry_expired`, `list_entry_exists`, `too_many_list_entries`.
    """

    list: RiskList
    kind: ListKind
    value: ListValue
    expires_at: AwareDatetime | None = None
    owner: UUID7
    reason: ListReason
    added_by: UUID7
    idempotency: Idempotency


@command("risk", "remove_list_entry", senders=("gateway",), answer=ListEntry)
class RemoveListEntry(Message):
    """Take something off its list. Refused with `list_entry_not_found`, `list_entry_ended`."""

    entry_id: UUID7
    removed_by: UUID7
    reason: ListReason
    idempotency: Idempotency


@query("risk", "list_list_entries", senders=("gateway",), answer=ListEntryPage)
class ListListEntries(Message):
    """Read entries, newest first, those added before `before`: those that count now, or with `ended` those that did."""

    list: RiskList | None = None
    kind: ListKind | None = None
    value: ListValue | None = None
    ended: bool = False
    before: UUID7 | None = None
    limit: Annotated[int, Field(ge=1, le=LIST_ENTRIES_LIMIT)] = 20


@event("risk", "list_entry.added")
class ListEntryAdded(Message):
    """Something is on a list from now on."""

    entry_id: UUID7
    list: RiskList
    kind: ListKind
    value: str
    expires_at: AwareDatetime | None = None
    owner: UUID7
    added_by: UUID7
    added_at: AwareDatetime


@event("risk", "list_entry.removed")
class ListEntryRemoved(Message):
    """Something has been taken off a list."""

    entry_id: UUID7
    list: RiskList
    kind: ListKind
    value: str
    removed_by: UUID7
    removed_at: AwareDatetime
