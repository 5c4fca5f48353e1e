"""What has happened to one payment, to read when something about it does not hold."""

from typing import Any
from uuid import UUID

from tests.interleavings.world import World

_INTENT = """
SELECT id, state, direction, method, processor, amount, authorised, capturing, captured, refunding, refunded, disputed,
       lost, application_fee, capture_method, hold_id, authorisation
FROM payment_intent WHERE id = (SELECT coalesce((SELECT intent_id FROM refund WHERE id = $1),
                                                (SELECT intent_id FROM dispute WHERE id = $1), $1))
"""
_HOPS = "SELECT * FROM hop WHERE intent_id = $1 ORDER BY number"
_ASKED = "SELECT * FROM operation WHERE intent_id = $1 ORDER BY asked_at, id"
_HEARD = "SELECT * FROM inbound_webhook WHERE intent_id = $1 ORDER BY received_at, id"


async def story(world: World, identifier: UUID) -> str:
    """Tell it, of an intent, or of the intent of a refund or dispute."""
    [intent] = await world.reads("payments", _INTENT, identifier)
    lines = [", ".join(f"{name} {value}" for name, value in intent.items() if value)]
    hops, asked, heard = [await world.reads("payments", query, intent["id"]) for query in (_HOPS, _ASKED, _HEARD)]
    events = [(h["at"], f"{h['trigger']} -> {h['state']} {h['operation'] or ''}") for h in hops]
    events += [(o["asked_at"], f"ask {_operation(o)}") for o in asked]
    events += [(w["received_at"], f"webhook {w['kind']} {w['status']} {w['facts']}") for w in heard]
    lines += [f"{at:%d %H:%M:%S.%f} {text}" for at, text in sorted(events, key=lambda event: event[0])]
    return "\n".join(lines)


def _operation(row: Any) -> str:
    where = row["processor"] or "ledger"
    state = f"{row['status']} after {row['tries']} tries, reference {row['reference']}, {row['problem'] or ''}"
    return f"{where} to {row['verb']} {row['amount']} as {row['id']} for {row['subject_id']}: {state}"
