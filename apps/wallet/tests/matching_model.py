"""The rules of matching, one pair at a time and obviously correct: what the set-based statements must agree with."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from apps.wallet.domain.reconciliation import offsets


@dataclass(frozen=True)
class Line:
    """A line of the statement, and what its reference is known by."""

    number: int
    day: date
    amount: int
    key: object


@dataclass(frozen=True)
class Entry:
    """An entry of the account, and all that it is known by, in order."""

    sequence: int
    day: date
    amount: int
    names: tuple[object, ...]


@dataclass
class Model:
    """Matches by taking the first of everything, again and again."""

    lines: list[Line]
    entries: list[Entry]
    key_of: dict[int, object] = field(default_factory=dict)
    line_matches: dict[int, tuple[str, int]] = field(default_factory=dict)
    entry_matches: dict[int, tuple[str, int]] = field(default_factory=dict)

    def run(self, window_days: int, first: date, last: date) -> list[tuple[int | None, int | None, int]]:
        """Apply every rule in turn; return the breaks: line, entry, difference."""
        known = {line.key for line in self.lines if line.key is not None}
        for entry in self.entries:
            self.key_of[entry.sequence] = next((name for name in entry.names if name in known), None)
        self._pair("exact", lambda x, e: self._same_key(x, e) and x.amount == -e.amount and x.day == e.day)
        self._pair("reference", lambda x, e: self._same_key(x, e) and x.amount == -e.amount)
        self._one_to_many()
        self._many_to_one()
        named = set(self.key_of.values()) - {None}
        for offset in offsets(window_days):
            self._pair("amount_and_date", partial(self._are_near, offset, named))
        return self._breaks(first, last)

    def _are_near(self, offset: int, named: set[object], line: Line, entry: Entry) -> bool:
        is_free = line.key not in named and self.key_of[entry.sequence] is None
        return is_free and line.amount == -entry.amount and (entry.day - line.day).days == offset

    def _same_key(self, line: Line, entry: Entry) -> bool:
        return line.key is not None and line.key == self.key_of[entry.sequence]

    def _open_lines(self) -> list[Line]:
        return [line for line in self.lines if line.number not in self.line_matches]

    def _open_entries(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.sequence not in self.entry_matches]

    def _pair(self, rule: str, fits: Callable[[Line, Entry], bool]) -> None:
        for line in self._open_lines():
            for entry in self._open_entries():
                if fits(line, entry):
                    self._match(rule, [line], [entry])
                    break

    def _match(self, rule: str, lines: Iterable[Line], entries: Iterable[Entry]) -> None:
        numbers, sequences = [x.number for x in lines], [e.sequence for e in entries]
        self.line_matches |= dict.fromkeys(numbers, (rule, min(sequences)))
        self.entry_matches |= dict.fromkeys(sequences, (rule, min(numbers)))

    def _one_to_many(self) -> None:
        for line in self._open_lines():
            entries = [e for e in self._open_entries() if self._same_key(line, e)]
            if len(entries) > 1 and line.amount == -sum(e.amount for e in entries):
                self._match("one_to_many", [line], entries)

    def _many_to_one(self) -> None:
        for entry in self._open_entries():
            lines = [x for x in self._open_lines() if self._same_key(x, entry)]
            if len(lines) > 1 and entry.amount == -sum(x.amount for x in lines):
                self._match("many_to_one", lines, [entry])

    def _breaks(self, first: date, last: date) -> list[tuple[int | None, int | None, int]]:
        breaks: list[tuple[int | None, int | None, int]] = []
        entries = self._open_entries()
        for line in self._open_lines():
            entry = next((e for e in entries if self._same_key(line, e)), None)
            if entry:
                entries.remove(entry)
            breaks.append(
                (line.number, entry.sequence if entry else None, line.amount + (entry.amount if entry else 0))
            )
        return breaks + [(None, e.sequence, e.amount) for e in entries if first <= e.day <= last]
