"""Correct writes of the ledger as raw SQL, in parts and slots, so that a test can spoil any one of them.

Each write is one statement. Its parts are the rows that it writes, its slots the values in them; a slot may name other
slots. All of it goes by what the database holds at that moment: nothing here keeps books of its own.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

_SLOT = re.compile(r"\{(\w+)\}")
_HEAD_READ = """
head AS MATERIALIZED (
    SELECT l.sequence, greatest(l.moved_at, l.closed_until, clock_timestamp()) AS moment, l.closed_until
    FROM ledger l WHERE l.id = 1
)"""
_SIDES_READ = """,
p AS MATERIALIZED (
    SELECT d.id AS debit, c.id AS credit, d.balance AS debit_balance, c.balance AS credit_balance, d.currency,
           d.held, d.hold_steps, 0 AS steps, h.sequence, h.moment, gen_random_uuid() AS id
    FROM head h, account d, account c WHERE d.id = {payer} AND c.id = {payee}
)"""
_HOLD_READ = """,
p AS MATERIALIZED (
    SELECT d.id AS debit, c.id AS credit, d.balance AS debit_balance, c.balance AS credit_balance, d.currency,
           d.held, d.hold_steps, o.steps, l.sequence, l.moment, o.id AS hold, o.captured, o.remaining, o.expires_at,
           gen_random_uuid() AS id
    FROM head l, hold o JOIN account d ON d.id = o.debit_account JOIN account c ON c.id = o.credit_account
    WHERE o.id = {of}
)"""
_REVERSED_READ = """,
p AS MATERIALIZED (
    SELECT d.id AS debit, c.id AS credit, d.balance AS debit_balance, c.balance AS credit_balance, d.currency,
           h.sequence, h.moment, gen_random_uuid() AS id, o.id AS original_id, o.amount AS original,
           coalesce((SELECT max(r.reversed_total) FROM transfer r WHERE r.reverses = o.id), 0) AS reversed
    FROM head h, transfer o JOIN account d ON d.id = o.credit_account JOIN account c ON c.id = o.debit_account
    WHERE o.id = {original}
)"""
_LINKED_READ = """,
asked (n, id, debit, credit, amount) AS (VALUES {legs}),
side AS (
    SELECT e.n, e.account, a.currency, a.balance + sum(e.moved) OVER (PARTITION BY e.account ORDER BY e.n) AS after
    FROM (SELECT n, debit AS account, -amount AS moved FROM asked UNION ALL SELECT n, credit, amount FROM asked) e
    JOIN account a ON a.id = e.account
),
p AS MATERIALIZED (
    SELECT t.*, d.currency, d.after AS debit_after, c.after AS credit_after, h.sequence, h.moment, {journal} AS journal
    FROM head h, asked t
    JOIN side d ON d.n = t.n AND d.account = t.debit JOIN side c ON c.n = t.n AND c.account = t.credit
)"""
_PARTS = {
    "posted": """
        INSERT INTO transfer (id, debit_account, credit_account, amount, currency, fingerprint, sequence, posted_at,
                              debit_balance, credit_balance, effective_at, journal_id, hold_id, reverses,
                              reversed_total)
        SELECT {id}, {debit}, {credit}, {amount}, {currency}, '', {sequence}, {posted_at}, {debit_balance},
               {credit_balance}, {effective_at}, {journal_id}, {hold_id}, {reverses}, {reversed_total} FROM p""",
    "debited": """
        UPDATE account a SET balance = {moved_debit}, last_sequence = {debit_sequence} FROM p WHERE a.id = {debit}""",
    "credited": """
        UPDATE account a SET balance = {moved_credit}, last_sequence = {credit_sequence} FROM p
        WHERE a.id = {credit}""",
    "captured": """
        UPDATE account a SET balance = {moved_debit}, last_sequence = {debit_sequence}, held = {moved_held},
                             hold_steps = {moved_steps} FROM p WHERE a.id = {debit}""",
    "held": "UPDATE account a SET held = {moved_held}, hold_steps = {moved_steps} FROM p WHERE a.id = {debit}",
    "headed": "UPDATE ledger l SET sequence = {head}, moved_at = {moved_at} FROM p WHERE l.id = 1",
    "moved": """
        UPDATE account a SET balance = s.after, last_sequence = p.sequence + s.n FROM p, side s
        WHERE a.id = s.account AND s.n = (SELECT max(o.n) FROM side o WHERE o.account = s.account) AND p.n = 1""",
    "journalled": """
        INSERT INTO journal (id, first_sequence, transfers, fingerprint, posted_at)
        SELECT {journal_id}, {first_sequence}, {transfers}, '', {posted_at} FROM p LIMIT 1""",
    "exchanged": """
        INSERT INTO exchange (sell_transfer, buy_transfer, journal_id, rate)
        SELECT {sell}, {buy}, {exchange_journal}, {rate} FROM p LIMIT 1""",
    "totalled": """
        INSERT INTO backdated_total (account_id, level, bucket, sequence, total)
        SELECT s.account, v.level, bucket_of({totalled_at}, v.level), {total_sequence}, s.moved + coalesce(
            (SELECT b.total FROM backdated_total b WHERE b.account_id = s.account AND b.level = v.level
             AND b.bucket = bucket_of({totalled_at}, v.level) ORDER BY b.sequence DESC LIMIT 1), 0)
        FROM p, generate_series({lowest_level}, 12) AS v (level),
             LATERAL (VALUES ({debit}, -({totalled})), ({credit}, {totalled})) AS s (account, moved)""",
    "placed": """
        INSERT INTO hold (id, debit_account, credit_account, amount, currency, fingerprint, placed_at, captured,
                          remaining, status, expires_at, steps)
        SELECT {hold}, {debit}, {credit}, {reserved}, {currency}, '', p.moment, {now_captured},
               {now_remaining}, {status}, {now_expires_at}, {now_steps} FROM p""",
    "stepped": """
        INSERT INTO hold_step (hold_id, step, kind, amount, captured, remaining, expires_at, account_id, account_step,
                               held_after, operation_id, recorded_at)
        SELECT {hold}, {step}, {kind}, {step_amount}, {captured}, {remaining}, {expires_at}, {step_account},
               {account_step}, {held_after}, {operation_id}, {recorded_at} FROM p""",
    "standing": """
        UPDATE hold o SET captured = {now_captured}, remaining = {now_remaining}, status = {status},
                          expires_at = {now_expires_at}, steps = {now_steps} FROM p WHERE o.id = {hold}""",
    "opened": """
        INSERT INTO account (id, owner, kind, type, currency, wallet, floor, ceiling, created_at)
        VALUES ({account}, {owner}, {kind}, {type}, {currency}, {wallet}, {floor}, {ceiling}, now())""",
    "changed": """
        UPDATE account a SET floor = {floor}, ceiling = {ceiling}, frozen = {frozen}, closed_at = {closed_at},
                             external_id = {external_id}, metadata = {metadata}, changes = {changes}
        FROM head h WHERE a.id = {account}""",
    "explained": """
        INSERT INTO account_change (account_id, number, floor, ceiling, frozen, closed_at, external_id, metadata,
                                    changed_by, reason, changed_at)
        SELECT a.id, {number}, {floor}, {ceiling}, {frozen}, {closed_at}, {external_id}, {metadata}, a.id, 'test',
               h.moment FROM head h, account a WHERE a.id = {account}""",
    "closed": """
        INSERT INTO period (id, starts_at, ends_at, closed_at, closed_by)
        SELECT gen_random_uuid(), {starts_at}, {ends_at}, {closed_at}, gen_random_uuid() FROM head h""",
    "period_headed": "UPDATE ledger l SET closed_until = {closed_until} FROM head h WHERE l.id = 1",
    "refused": """
        INSERT INTO refusal (id, fingerprint, code, detail, refused_at)
        SELECT {operation}, {refused_fingerprint}, 'insufficient_funds', '', h.moment FROM head h""",
}
_NO_ID, _NO_AMOUNT = "NULL::uuid", "NULL::bigint"
_POSTING = {
    "id": "p.id", "debit": "p.debit", "credit": "p.credit", "currency": "p.currency", "sequence": "p.sequence + 1",
    "posted_at": "p.moment", "effective_at": "{posted_at}", "journal_id": _NO_ID,
    "debit_balance": "p.debit_balance - {amount}", "credit_balance": "p.credit_balance + {amount}", "hold_id": _NO_ID,
    "reverses": _NO_ID, "reversed_total": _NO_AMOUNT, "moved_debit": "{debit_balance}", "debit_sequence": "{sequence}",
    "moved_credit": "{credit_balance}", "credit_sequence": "{sequence}", "head": "{sequence}",
    "moved_at": "{posted_at}",
}  # fmt: skip
_STEPPING = {
    "debit": "p.debit", "credit": "p.credit", "currency": "p.currency", "hold": "p.hold", "step": "p.steps + 1",
    "step_account": "{debit}", "account_step": "p.hold_steps + 1", "operation_id": "gen_random_uuid()",
    "recorded_at": "p.moment", "step_amount": "{amount}", "captured": "p.captured", "expires_at": "p.expires_at",
    "now_captured": "{captured}", "now_remaining": "{remaining}", "now_expires_at": "{expires_at}",
    "now_steps": "{step}", "moved_held": "{held_after}", "moved_steps": "{account_step}",
}  # fmt: skip


@dataclass(frozen=True)
class Write:
    """One statement: what it reads first, the rows that it writes, and the values in them."""

    reads: str
    parts: Mapping[str, str]
    slots: Mapping[str, str]

    def without(self, *parts: str) -> "Write":
        """Leave some of the rows out."""
        return replace(self, parts={name: part for name, part in self.parts.items() if name not in parts})

    def having(self, **slots: str) -> "Write":
        """Change some of the values."""
        return replace(self, slots={**self.slots, **slots})

    def apart(self) -> list[str]:
        """Return each part as a statement of its own."""
        return [replace(self, parts={name: part}).sql() for name, part in self.parts.items()]

    def sql(self) -> str:
        """Return the statement."""
        parts = "".join(f",\n{name} AS ({part})" for name, part in self.parts.items())
        text = f"WITH {self.reads}{parts}\nSELECT 1"
        while _SLOT.search(text):
            text = _SLOT.sub(lambda slot: self.slots[slot[1]], text)
        return text


def literal(value: object) -> str:
    """Return an id or a word as an SQL literal."""
    return f"'{value}'"


def uuid(value: object) -> str:
    """Return an id as an SQL literal."""
    return f"'{value}'::uuid"


def _write(reads: str, parts: Sequence[str], *slots: Mapping[str, str]) -> Write:
    return Write(
        _HEAD_READ + reads, {name: _PARTS[name] for name in parts}, {k: v for s in slots for k, v in s.items()}
    )


def transfer(debit: object, credit: object, amount: int) -> Write:
    """Post a transfer."""
    asked = {"payer": uuid(debit), "payee": uuid(credit), "amount": str(amount)}
    return _write(_SIDES_READ, ("posted", "debited", "credited", "headed"), _POSTING, asked)


def backdated(debit: object, credit: object, amount: int, ago: str) -> Write:
    """Post a transfer that counts from some time ago."""
    asked = {
        "payer": uuid(debit), "payee": uuid(credit), "amount": str(amount),
        "effective_at": f"(p.moment - interval '{ago}')", "totalled_at": "{effective_at}",
        "total_sequence": "{sequence}", "lowest_level": "0", "totalled": "{amount}",
    }  # fmt: skip
    return _write(_SIDES_READ, ("posted", "debited", "credited", "headed", "totalled"), _POSTING, asked)


def reversal(original: str, amount: str) -> Write:
    """Take a transfer, or a part of it, back; both are SQL expressions, and `amount` may name the columns of p."""
    asked = {
        "amount": amount, "original": original, "reverses": "p.original_id", "reversed_total": "p.reversed + {amount}",
        "debit_balance": "p.debit_balance - ({amount})", "credit_balance": "p.credit_balance + ({amount})",
    }  # fmt: skip
    return _write(_REVERSED_READ, ("posted", "debited", "credited", "headed"), _POSTING, asked)


def linked(legs: Sequence[tuple[object, object, int]], *, journal: bool = True) -> Write:
    """Post several transfers, each on the balances that the one before it left; as a journal or just as a batch."""
    rows = ", ".join(
        f"({n}, gen_random_uuid(), {uuid(debit)}, {uuid(credit)}, {amount}::bigint)"
        for n, (debit, credit, amount) in enumerate(legs, 1)
    )
    asked = {
        "legs": rows, "journal": "gen_random_uuid()", "amount": "p.amount", "sequence": "p.sequence + p.n",
        "debit_balance": "p.debit_after", "credit_balance": "p.credit_after", "head": "p.sequence + {transfers}",
        "transfers": str(len(legs)), "first_sequence": "p.sequence + 1",
    }  # fmt: skip
    parts = ("posted", "moved", "headed")
    if not journal:
        return _write(_LINKED_READ, parts, _POSTING, asked)
    asked["journal_id"] = "(SELECT f.journal FROM p f WHERE f.n = 1)"
    return _write(_LINKED_READ, (*parts, "journalled"), _POSTING, asked)


def exchange(sold: tuple[object, object, int], bought: tuple[object, object, int]) -> Write:
    """Post a journal that changes currencies: from a wallet to fx, and from the other fx to a wallet."""
    write = linked([sold, bought])
    slots = {
        "sell": "(SELECT f.id FROM p f WHERE f.n = 1)", "buy": "(SELECT f.id FROM p f WHERE f.n = 2)",
        "exchange_journal": "{journal_id}", "rate": "1.1",
    }  # fmt: skip
    parts = {**write.parts, "exchanged": _PARTS["exchanged"]}
    return replace(write, parts=parts, slots={**write.slots, **slots})


def placing(debit: object, credit: object, amount: int, lasts: str) -> Write:
    """Place a hold."""
    asked = {
        "payer": uuid(debit), "payee": uuid(credit), "amount": str(amount), "reserved": "{amount}",
        "kind": literal("placed"), "hold": "p.id", "captured": "0", "remaining": "{amount}",
        "status": literal("pending"), "held_after": "p.held + {amount}",
        "expires_at": f"(p.moment + interval '{lasts}')", "operation_id": _NO_ID,
    }  # fmt: skip
    return _write(_SIDES_READ, ("placed", "stepped", "held"), _STEPPING, asked)


def capture(hold: str, amount: str, *, release_rest: bool = False) -> Write:
    """Capture a hold; both are SQL expressions, and `amount` may name the columns of p."""
    asked = {
        "amount": amount, "of": hold, "hold_id": "p.hold", "kind": literal("captured"),
        "captured": "p.captured + ({amount})", "remaining": "0" if release_rest else "p.remaining - ({amount})",
        "held_after": "p.held - p.remaining + {remaining}", "debit_balance": "p.debit_balance - ({amount})",
        "credit_balance": "p.credit_balance + ({amount})",
        "status": "CASE WHEN {remaining} > 0 THEN 'pending' ELSE 'captured' END", "operation_id": "{id}",
    }  # fmt: skip
    parts = ("posted", "captured", "credited", "headed", "stepped", "standing")
    return _write(_HOLD_READ, parts, _STEPPING, _POSTING, asked)


def ending(hold: str, kind: str) -> Write:
    """Void or expire a hold."""
    asked = {
        "of": hold, "kind": literal(kind), "amount": "p.remaining", "remaining": "0",
        "held_after": "p.held - p.remaining", "status": literal(kind),
    }  # fmt: skip
    return _write(_HOLD_READ, ("stepped", "standing", "held"), _STEPPING, asked)


def extension(hold: str, by: str) -> Write:
    """Let a hold last longer."""
    asked = {
        "of": hold, "kind": literal("extended"), "amount": "p.remaining", "remaining": "p.remaining",
        "held_after": "p.held", "expires_at": f"(p.expires_at + interval '{by}')", "status": literal("pending"),
    }  # fmt: skip
    return _write(_HOLD_READ, ("stepped", "standing", "held"), _STEPPING, asked)


def opening(
    account: object, owner: object | None, kind: str, currency: str, floor: int | None, ceiling: int | None = None
) -> Write:
    """Open an account."""
    slots = {
        "account": uuid(account), "owner": uuid(owner) if owner else _NO_ID, "kind": literal(kind),
        "type": literal("liability" if owner else "asset"), "currency": literal(currency),
        "wallet": uuid(account) if owner else _NO_ID, "floor": _bound(floor), "ceiling": _bound(ceiling),
    }  # fmt: skip
    return _write("", ("opened",), slots)


def _bound(limit: int | None) -> str:
    return _NO_AMOUNT if limit is None else str(limit)


def change(account: object, **columns: str) -> Write:
    """Change an account's floor, ceiling, frozen, closed_at, external_id or metadata, and say why."""
    asked = {name: f"a.{name}" for name in ("floor", "ceiling", "frozen", "closed_at", "external_id", "metadata")}
    slots = {"account": uuid(account), "number": "a.changes + 1", "changes": "{number}"} | asked | columns
    return _write("", ("changed", "explained"), slots)


def closing(ago: str) -> Write:
    """Close the period that ended some time ago."""
    slots = {
        "starts_at": "h.closed_until", "ends_at": f"(h.moment - interval '{ago}')", "closed_at": "h.moment",
        "closed_until": "{ends_at}",
    }  # fmt: skip
    return _write("", ("closed", "period_headed"), slots)


def refusal(operation: str) -> Write:
    """Refuse an operation, named by an SQL expression for its id."""
    return _write("", ("refused",), {"operation": operation, "refused_fingerprint": "'refused'"})
