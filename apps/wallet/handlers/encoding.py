"""The event of a posted transfer as JSON, made without its model: it is said for every transfer that is ever posted."""

import orjson

from apps.wallet.domain.transfer import Posted

_NAMES = (
    ("journal_id", 12),
    ("hold_id", 13),
    ("reverses", 14),
    ("reversed_total", 15),
    ("metadata", 16),
)
_RARE = slice(12, 17)
_NONE = (None,) * 5


def transfer_posted_json(posted: Posted) -> bytes:
    """Return the data of a TransferPosted event, byte for byte what its model would encode: no field that is None."""
    transfer = {
        "id": posted.id,
        "debit_account": posted.debit_account,
        "credit_account": posted.credit_account,
        "amount": posted.amount,
        "currency": posted.currency,
    }
    if posted.reference is not None:
        transfer["reference"] = posted.reference
    transfer["sequence"] = posted.sequence
    transfer["posted_at"] = posted.posted_at
    transfer["effective_at"] = posted.effective_at
    if posted[_RARE] != _NONE:
        transfer |= {name: posted[place] for name, place in _NAMES if posted[place] is not None}
    # What comes from the database is a UUID of asyncpg's own class.
    return orjson.dumps({"transfer": transfer}, str, orjson.OPT_UTC_Z)
