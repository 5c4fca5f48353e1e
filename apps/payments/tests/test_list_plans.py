"""Lists are planned once, for tables of any size: walks down indexes, that stop where the page is full."""

import re
from itertools import pairwise

import asyncpg
import pytest

from apps.payments.store import lists, parked, settlements
from outbox.database import SERVER_SETTINGS
from tests.fresh_databases import FreshDatabase

STATEMENTS = {
    "intents": lists._INTENTS,
    "intents by metadata": lists._INTENTS_BY_METADATA,
    "refunds": lists._REFUNDS,
    "refunds of an intent": lists._REFUNDS_OF_INTENT,
    "disputes": lists._DISPUTES,
    "disputes of an intent": lists._DISPUTES_OF_INTENT,
    "operations in doubt": settlements._IN_DOUBT,
    "parked webhooks": parked._PAGE,
}
# What is sorted is a page, or twenty pairs of metadata.
SORTED = {"i.id DESC", "d.id DESC", "(count(*))"}


async def _plan(database: FreshDatabase, statement: str, *, analysed: bool) -> list[str]:
    if analysed:
        owner = await asyncpg.connect(database.owner_url)
        await owner.execute("ANALYZE")
        await owner.close()
    connection = await asyncpg.connect(database.url, server_settings=SERVER_SETTINGS)
    try:
        parameters = len((await connection.prepare(statement)).get_parameters())
        await connection.execute(f"PREPARE look AS {statement}")
        rows = await connection.fetch(f"EXPLAIN (COSTS OFF) EXECUTE look({', '.join(['NULL'] * parameters)})")
    finally:
        await connection.close()
    return [row[0] for row in rows]


@pytest.mark.parametrize("analysed", [False, True])
@pytest.mark.parametrize("name", STATEMENTS)
async def test_a_list_is_a_walk_down_an_index(payments_database: FreshDatabase, name: str, *, analysed: bool) -> None:
    plan = await _plan(payments_database, STATEMENTS[name], analysed=analysed)
    scans = {found[0] for line in plan if (found := re.search(r"[A-Z][A-Za-z ]*? Scan", line))}
    assert scans <= {"Index Scan", "Index Only Scan", "CTE Scan", "Subquery Scan", "Function Scan"}, "\n".join(plan)
    for line, following in pairwise(plan):
        if re.fullmatch(r"(\s*->  )?Sort", line):
            assert following.split("Sort Key: ")[1] in SORTED, "\n".join(plan)
        assert "Hash" not in line
        assert "Materialize" not in line
