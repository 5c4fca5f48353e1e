"""Seals what was posted: several seals in one transaction when it is behind, none while there is too little."""

import asyncio
from time import monotonic

from prometheus_client import Counter, Gauge

from apps.wallet.domain.sealing import RECORDS, Signer, next_range
from apps.wallet.store import leaves as leaf_store
from apps.wallet.store import seals as store
from contracts.proof import Seal
from contracts.wallet import LedgerSealed
from outbox.transaction import Transaction

UNSEALED = Gauge("ledgerlink_unsealed_transfers", "Transfers that no seal covers yet, where this process seals")
SEALED = Counter("ledgerlink_seals_total", "Seals made")
SEAL_SECONDS = 0.25
"""How often to look for something to seal."""
SEALS = 16
"""The most seals in one transaction."""
SECONDS = 0.5
"""After which a transaction begins no other seal."""


async def seal_ledger(signer: Signer, tx: Transaction) -> None:
    """Seal what is there to be sealed, unless another replica does."""
    if not await store.take_turn(tx):
        return
    ends = monotonic() + SECONDS
    for _ in range(SEALS):
        if not await _seal_next(signer, tx) or monotonic() > ends:
            return


async def _seal_next(signer: Signer, tx: Transaction) -> bool:
    standing = await store.load_standing(tx, RECORDS)
    UNSEALED.set(standing.head - standing.last_sequence)
    part = next_range(standing, tx.now)
    if part is None:
        return False
    leaves = await leaf_store.load_leaves(tx, part)
    # Thousands of hashes: off the loop, on which messages are waiting.
    seal = await asyncio.to_thread(signer.seal, standing, part, leaves, tx.now)
    await store.save_key(tx, signer.key, seal.sealed_at)
    await store.save_seal(tx, seal, leaves)
    tx.say(_sealed(seal), None)
    SEALED.inc()
    return True


def _sealed(seal: Seal) -> LedgerSealed:
    return LedgerSealed.model_validate(dict(seal))
