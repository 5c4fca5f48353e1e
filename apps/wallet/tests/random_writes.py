# ruff: noqa: S608 - to write SQL is what it is for
"""A seeded grammar of SQL writes: correct ones, correct ones that are spoilt a little, and anything at all.

It knows the tables and columns from the database's own catalogue, so that a new table is attacked without being told.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from uuid import UUID

from apps.wallet.tests import raw_writes as raw
from apps.wallet.tests.raw_writes import Write


@dataclass(frozen=True)
class Tables:
    """What there is to write to: table -> column -> type, and table -> the columns of its primary key."""

    columns: Mapping[str, Mapping[str, str]]
    keys: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Ledger:
    """The accounts of a ledger: wallets and others in euros and in dollars, and the two fx accounts."""

    euros: Sequence[UUID]
    dollars: Sequence[UUID]
    fx: tuple[UUID, UUID]


_WORDS = (
    "EUR", "USD", "wallet", "clearing", "fx", "general", "asset", "liability", "pending", "captured", "voided",
    "expired", "extended", "placed", "none", "in", "out", "both", "x", "",
)  # fmt: skip
_NUMBERS = ("0", "1", "-1", "2", "5", "13", "100", "1000", "1000000000000", "1000000000001", "1000000000000000000",
            "(SELECT sequence FROM ledger)", "(SELECT sequence + 1 FROM ledger)", "(SELECT max(balance) FROM account)",
            "(SELECT held FROM account WHERE held > 0 LIMIT 1)",
            "(SELECT max(hold_steps) + 1 FROM account)")  # fmt: skip
_MOMENTS = ("now()", "clock_timestamp()", "now() - interval '1 second'", "now() - interval '1 hour'", "'infinity'",
            "now() + interval '1 hour'", "'-infinity'", "(SELECT moved_at FROM ledger)",
            "(SELECT closed_until FROM ledger)", "'2001-01-01Z'")  # fmt: skip
_IDS = ("gen_random_uuid()", "(SELECT id FROM transfer ORDER BY sequence DESC LIMIT 1)",
        "(SELECT id FROM transfer WHERE sequence = 3)", "(SELECT id FROM hold LIMIT 1)",
        "(SELECT id FROM journal LIMIT 1)",
        "(SELECT reverses FROM transfer WHERE reverses IS NOT NULL LIMIT 1)")  # fmt: skip
_OTHERS = {"bytea": ("''", "'\\x00'"), "jsonb": ("'[]'", "'{}'"), "json": ("'[]'",), "boolean": ("true", "false"),
           "date": ("now()::date", "'2001-01-01'"), "numeric": ("0", "1.5", "-3")}  # fmt: skip
# What makes a correct expression slightly wrong. The slot's own text is put where the {} is.
_SKEWS = ("({} + 1)", "({} - 1)", "(-({}))", "(2 * ({}))", "0", "1", "NULL::bigint", "({} + 1000)")
_SKEWED_MOMENTS = ("({} + interval '1 hour')", "({} - interval '1 hour')", "({} - interval '1 microsecond')", "now()",
                   "({} + interval '1 microsecond')", "'infinity'::timestamptz")  # fmt: skip
_MOMENT_SLOTS = ("posted_at", "effective_at", "moved_at", "totalled_at", "recorded_at", "expires_at", "now_expires_at",
                 "starts_at", "ends_at", "closed_at", "closed_until")  # fmt: skip
_ID_SLOTS = ("id", "payer", "payee", "debit", "credit", "journal_id", "hold_id", "of", "hold", "original", "reverses",
             "step_account", "operation_id", "sell", "buy", "exchange_journal", "operation", "account",
             "owner", "wallet")  # fmt: skip
_WORD_SLOTS = ("currency", "status", "kind", "type", "frozen")
_UNTOUCHED_SLOTS = ("legs", "journal", "metadata", "external_id")


class Grammar:
    """Writes statement after statement. The same seed, accounts and tables give the same text."""

    def __init__(self, seed: int, tables: Tables, ledger: Ledger) -> None:
        self._random = Random(seed)  # noqa: S311 - it must be possible to run it again
        self._columns, self._keys = tables.columns, tables.keys
        self._tables = sorted(tables.keys)
        self._euros, self._dollars, self._fx = list(ledger.euros), list(ledger.dollars), ledger.fx
        self._corrects: tuple[Callable[[], Write], ...] = (
            self._transfer, self._transfer, self._backdated, self._backdated, self._reversal, self._linked,
            self._exchange, self._placing, self._capture, self._ending, self._extension, self._change, self._closing,
            self._refusal, self._opening,
        )  # fmt: skip

    def statement(self) -> str:
        """Return one attempt: a statement, or several that belong together."""
        kind = self._random.random()
        if kind < 0.80:
            return self._plain()
        if kind < 0.94:
            return self._spoilt(self._correct()).sql()
        if kind < 0.96:
            return self._combined()
        if kind < 0.99:
            return self._correct().sql()
        return "; ".join(self._shuffled(self._correct().apart()))

    # Correct writes

    def _correct(self) -> Write:
        return self._random.choice(self._corrects)()

    def _pair(self) -> tuple[UUID, UUID]:
        debit, credit = self._random.sample(self._random.choice((self._euros, self._euros, self._dollars)), 2)
        return debit, credit

    def _amount(self) -> int:
        return self._random.choice((1, 2, 3, 7, 40, 100, 1000, 10**12))

    def _ago(self) -> str:
        return self._random.choice(("1 microsecond", "1 millisecond", "1 second", "1 second", "1 minute", "1 hour"))

    def _transfer(self) -> Write:
        return raw.transfer(*self._pair(), self._amount())

    def _backdated(self) -> Write:
        return raw.backdated(*self._pair(), self._amount(), self._ago())

    def _reversal(self) -> Write:
        place = self._random.randint(0, 30)
        recent = f"(SELECT sequence - {place} FROM ledger)"
        newest = "WHERE reverses IS NOT NULL ORDER BY sequence DESC LIMIT 1"
        again = f"(SELECT reverses FROM transfer {newest} OFFSET {place % 5})"
        original = self._random.choice((f"(SELECT id FROM transfer WHERE sequence = {recent})", again))
        return raw.reversal(original, self._random.choice(("1", "2", "p.original - p.reversed", "p.original")))

    def _linked(self) -> Write:
        legs = [(*self._pair(), self._amount()) for _ in range(self._random.randint(1, 3))]
        if self._random.random() < 0.3:  # there and back: what is short in between is there again at the end
            debit, credit, amount = legs[0]
            legs = [(debit, credit, amount), (credit, debit, amount)]
        return raw.linked(legs, journal=self._random.random() < 0.7)

    def _exchange(self) -> Write:
        sold, bought = self._random.choice(self._euros), self._random.choice(self._dollars)
        return raw.exchange((sold, self._fx[0], self._amount()), (self._fx[1], bought, self._amount()))

    def _placing(self) -> Write:
        return raw.placing(*self._pair(), self._amount(), self._random.choice(("1 hour", "1 second", "1 millisecond")))

    def _hold(self) -> str:
        some = "(SELECT id FROM hold ORDER BY id LIMIT 1 OFFSET {})"
        pending = "(SELECT id FROM hold WHERE remaining > 0 ORDER BY expires_at DESC LIMIT 1 OFFSET {})"
        return self._random.choice((pending, pending, pending, some)).format(self._random.randint(0, 5))

    def _capture(self) -> Write:
        amount = self._random.choice(("1", "2", "p.remaining", "p.remaining"))
        return raw.capture(self._hold(), amount, release_rest=self._random.random() < 0.2)

    def _ending(self) -> Write:
        return raw.ending(self._hold(), self._random.choice(("voided", "expired")))

    def _extension(self) -> Write:
        return raw.extension(self._hold(), self._random.choice(("1 hour", "1 millisecond")))

    def _change(self) -> Write:
        account = self._random.choice((*self._euros, *self._dollars))
        changes = ({"frozen": "'in'"}, {"frozen": "'none'"}, {"frozen": "'none'"}, {"metadata": "'{}'"},
                   {"floor": "0"}, {"floor": "-50"}, {"closed_at": "h.moment"})  # fmt: skip
        return raw.change(account, **self._random.choice(changes))

    def _closing(self) -> Write:
        return raw.closing(self._random.choice(("2 days", "1 hour", "1 hour", "1 minute")))

    def _refusal(self) -> Write:
        return raw.refusal(self._random.choice(_IDS))

    def _opening(self) -> Write:
        account = UUID(int=self._random.getrandbits(128), version=4)
        wallet = self._random.random() < 0.5
        return raw.opening(account, account if wallet else None, "wallet" if wallet else "general", "EUR", 0, None)

    # Spoilt ones

    def _spoilt(self, write: Write) -> Write:
        for _ in range(self._random.choice((1, 1, 1, 2, 3))):
            how = self._random.random()
            if how < 0.70:
                write = self._with_another_value(write)
            elif how < 0.88 and len(write.parts) > 1:
                write = write.without(self._random.choice(sorted(write.parts)))
            elif how < 0.94:
                twice = self._random.choice(sorted(write.parts))
                write = replace(write, parts={**write.parts, f"again{len(write.parts)}": write.parts[twice]})
            else:
                write = replace(write, parts={**write.parts, f"added{len(write.parts)}": self._plain()})
        return write

    def _with_another_value(self, write: Write) -> Write:
        used = sorted(set(write.slots) - {*_UNTOUCHED_SLOTS})
        name = self._random.choice(used)
        return write.having(**{name: self._another(name, write.slots[name])})

    def _another(self, name: str, right: str) -> str:
        if name == "reversed_total" and self._random.random() < 0.5:
            return "({amount})"
        if name in _MOMENT_SLOTS:
            return self._random.choice(_SKEWED_MOMENTS).replace("{}", right)
        if name in _ID_SLOTS:
            account = raw.uuid(self._random.choice((*self._euros, *self._dollars)))
            return self._random.choice((account, account, "NULL::uuid", *_IDS))
        if name in _WORD_SLOTS:
            return raw.literal(self._random.choice(_WORDS))
        return self._random.choice(_SKEWS).replace("{}", right)

    def _combined(self) -> str:
        """Return one statement of several others: correct, spoilt and plain ones write side by side."""
        parts = [self._plain() for _ in range(self._random.randint(1, 3))]
        if self._random.random() < 0.5:
            write = self._correct()
            named = {f"plain{n}": part for n, part in enumerate(parts)}
            return replace(write, parts={**write.parts, **named}).sql()
        ctes = ", ".join(f"plain{n} AS ({part})" for n, part in enumerate(parts))
        return f"WITH {ctes} SELECT 1"

    def _shuffled(self, parts: list[str]) -> list[str]:
        self._random.shuffle(parts)
        return parts

    # Anything at all

    def _plain(self) -> str:
        table = self._random.choice(self._tables)
        write = self._random.choice((self._update, self._update, self._update, self._insert, self._copy, self._copy,
                                     self._delete, self._upsert))  # fmt: skip
        return write(table)

    def _update(self, table: str) -> str:
        names = self._some_columns(table, most=3)
        changes = ", ".join(f"{name} = {self._own_value(table, name)}" for name in names)
        return f"UPDATE {table} SET {changes}{self._where(table)}"

    def _delete(self, table: str) -> str:
        return f"DELETE FROM {table}{self._where(table)}"

    def _insert(self, table: str) -> str:
        names = self._some_columns(table, most=len(self._columns[table]))
        return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(self._value(table, n) for n in names)})"

    def _copy(self, table: str) -> str:
        """Return an insertion of rows that are there already, but for some columns."""
        names = list(self._columns[table])
        changed = set(self._some_columns(table, most=3))
        values = ", ".join(self._own_value(table, name) if name in changed else name for name in names)
        return f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table}{self._where(table)} LIMIT 2"

    def _upsert(self, table: str) -> str:
        changes = ", ".join(f"{name} = {self._own_value(table, name)}" for name in self._some_columns(table, most=2))
        return f"{self._insert(table)} ON CONFLICT ({', '.join(self._keys[table])}) DO UPDATE SET {changes}"

    def _where(self, table: str) -> str:
        if self._random.random() < 0.2:
            return ""
        name = self._random.choice([c for c, kind in self._columns[table].items() if kind != "json"])
        return f" WHERE {table}.{name} = {self._value(table, name)}"

    def _some_columns(self, table: str, *, most: int) -> list[str]:
        names = list(self._columns[table])
        return self._random.sample(names, self._random.randint(1, min(most, len(names))))

    def _own_value(self, table: str, column: str) -> str:
        """Return a value for a row that is there already: often near the one that it has."""
        if self._columns[table][column] in {"bigint", "integer", "numeric"} and self._random.random() < 0.4:
            return f"{table}.{column} {self._random.choice(('+ 1', '- 1', ''))}"
        return self._value(table, column)

    def _value(self, table: str, column: str) -> str:
        if self._random.random() < 0.15:
            return "NULL"
        kind = self._columns[table][column]
        if kind in {"bigint", "integer", "smallint"}:
            return self._random.choice(_NUMBERS)
        if kind == "uuid":
            return self._random.choice((*_IDS, raw.uuid(self._random.choice((*self._euros, *self._dollars)))))
        if kind == "text":
            return raw.literal(self._random.choice(_WORDS))
        if kind == "timestamp with time zone":
            return self._random.choice(_MOMENTS)
        return self._random.choice(_OTHERS.get(kind, ("NULL",)))
