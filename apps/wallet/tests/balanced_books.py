"""Proves the books from the rows alone, by other queries than the audit's; what it finds is a table of broken rules."""

from outbox.database import Connection

# Each returns the rows that break the rule in its name.
RULES = {
    "every currency sums to zero": "SELECT currency, sum(balance) FROM account GROUP BY 1 HAVING sum(balance) <> 0",
    "a balance is the sum of the account's entries": """
        SELECT a.id FROM account a WHERE a.balance <>
            coalesce((SELECT sum(t.amount) FROM transfer t WHERE t.credit_account = a.id), 0)
            - coalesce((SELECT sum(t.amount) FROM transfer t WHERE t.debit_account = a.id), 0)""",
    "an account is where its newest entry left it": """
        SELECT a.id FROM account a LEFT JOIN LATERAL (
            SELECT e.sequence, e.balance_after FROM entry e WHERE e.account_id = a.id
            ORDER BY e.sequence DESC LIMIT 1) e ON true
        WHERE a.last_sequence IS DISTINCT FROM e.sequence OR a.balance <> coalesce(e.balance_after, 0)""",
    "entries continue each other": """
        SELECT * FROM (SELECT sequence, balance_after, amount, lag(balance_after, 1, 0::bigint)
                       OVER (PARTITION BY account_id ORDER BY sequence) AS before FROM entry) e
        WHERE balance_after <> before + amount""",
    "entries stay within limits that never changed": """
        SELECT e.sequence FROM entry e JOIN account a ON a.id = e.account_id
        WHERE a.changes = 0 AND (e.balance_after < a.floor OR e.balance_after > a.ceiling)""",
    "available never falls below the floor, nor balance above the ceiling": """
        SELECT id FROM account
        WHERE balance - held < floor OR balance > ceiling OR abs(balance) > 1000000000000000000""",
    "the effective timeline stays within limits that never changed": """
        SELECT * FROM (
            SELECT account_id, effective_at,
                   sum(sum(amount)) OVER (PARTITION BY account_id ORDER BY effective_at) AS stood
            FROM entry GROUP BY 1, 2) e
        JOIN account a ON a.id = e.account_id
        WHERE a.changes = 0 AND (e.stood < a.floor OR e.stood > a.ceiling)""",
    "transfers are between two accounts of their currency": """
        SELECT t.id FROM transfer t
        LEFT JOIN account d ON d.id = t.debit_account LEFT JOIN account c ON c.id = t.credit_account
        WHERE (d.id <> c.id AND d.currency = t.currency AND c.currency = t.currency) IS NOT TRUE""",
    "the ledger is dense, and its time never goes back": """
        SELECT * FROM (SELECT sequence, posted_at, lag(sequence, 1, 0::bigint) OVER by_order AS before,
                              lag(posted_at) OVER by_order AS earlier
                       FROM transfer WINDOW by_order AS (ORDER BY sequence)) t
        WHERE sequence <> before + 1 OR posted_at < earlier""",
    "nothing counts from later than it was posted": "SELECT id FROM transfer WHERE effective_at > posted_at",
    "the head is the newest transfer and period": """
        SELECT * FROM ledger WHERE sequence <> coalesce((SELECT max(sequence) FROM transfer), 0)
            OR moved_at <> coalesce((SELECT max(posted_at) FROM transfer), 'epoch')
            OR closed_until IS DISTINCT FROM (SELECT max(ends_at) FROM period)""",
    "held is the sum of the pending holds": """
        SELECT id FROM account a WHERE held <>
            coalesce((SELECT sum(h.remaining) FROM hold h WHERE h.debit_account = a.id AND h.status = 'pending'), 0)""",
    "only pending holds reserve, and none more than it was placed for": """
        SELECT id FROM hold
        WHERE (remaining > 0) <> (status = 'pending') OR captured + remaining > amount OR captured < 0""",
    "what a hold has captured are its transfers": """
        SELECT id FROM hold h WHERE captured <> coalesce((SELECT sum(amount) FROM transfer t WHERE t.hold_id = h.id
            AND t.debit_account = h.debit_account AND t.credit_account = h.credit_account), 0)""",
    "captures are of holds": """
        SELECT id FROM transfer WHERE hold_id IS NOT NULL AND hold_id NOT IN (SELECT id FROM hold)""",
    "a hold is where its steps left it": """
        SELECT h.id FROM hold h LEFT JOIN hold_step s ON s.hold_id = h.id AND s.step = h.steps
        WHERE (s.captured, s.remaining, s.expires_at) IS DISTINCT FROM (h.captured, h.remaining, h.expires_at)
           OR h.steps <> (SELECT count(*) FROM hold_step o WHERE o.hold_id = h.id)""",
    "steps are of holds, on the account that they reserve": """
        SELECT s.hold_id FROM hold_step s LEFT JOIN hold h ON h.id = s.hold_id AND h.debit_account = s.account_id
        WHERE h.id IS NULL""",
    "an account's hold steps add up to what it holds": """
        SELECT * FROM (SELECT s.held_after, sum(s.remaining - coalesce(p.remaining, 0))
                              OVER (PARTITION BY s.account_id ORDER BY s.account_step) AS held,
                              s.account_step, row_number() OVER (PARTITION BY s.account_id ORDER BY s.account_step) AS n
                       FROM hold_step s LEFT JOIN hold_step p ON p.hold_id = s.hold_id AND p.step = s.step - 1) s
        WHERE held_after <> held OR account_step <> n""",
    "an account has as many hold steps as it says": """
        SELECT id FROM account a WHERE hold_steps <> (SELECT count(*) FROM hold_step s WHERE s.account_id = a.id)""",
    "reversals never exceed the original, and go the other way": """
        SELECT o.id FROM transfer o JOIN transfer r ON r.reverses = o.id GROUP BY o.id
        HAVING sum(r.amount) > o.amount OR max(r.reversed_total) <> sum(r.amount)
            OR NOT bool_and(r.debit_account = o.credit_account AND r.credit_account = o.debit_account)""",
    "reversals are of transfers": """
        SELECT id FROM transfer WHERE reverses IS NOT NULL AND reverses NOT IN (SELECT id FROM transfer)""",
    "a journal is its transfers": """
        SELECT j.id FROM journal j LEFT JOIN transfer t ON t.journal_id = j.id GROUP BY j.id
        HAVING count(t.id) <> j.transfers OR min(t.sequence) <> j.first_sequence
            OR max(t.sequence) <> j.first_sequence + j.transfers - 1""",
    "journalled transfers are of journals": """
        SELECT id FROM transfer WHERE journal_id IS NOT NULL AND journal_id NOT IN (SELECT id FROM journal)""",
    "rates are between transfers of their journal": """
        SELECT x.sell_transfer FROM exchange x LEFT JOIN transfer s ON s.id = x.sell_transfer
        LEFT JOIN transfer b ON b.id = x.buy_transfer
        WHERE (s.journal_id = x.journal_id AND b.journal_id = x.journal_id AND s.currency <> b.currency) IS NOT TRUE""",
    "every change of an account is on record, and nothing else": """
        SELECT coalesce(a.id, c.account_id) FROM account a
        FULL JOIN (SELECT account_id, count(*) AS n, max(number) AS newest FROM account_change GROUP BY 1) c
             ON c.account_id = a.id
        WHERE a.id IS NULL OR a.changes <> coalesce(c.n, 0) OR a.changes <> coalesce(c.newest, 0)""",
    "an account is as its newest change says": """
        SELECT a.id FROM account a JOIN account_change c ON c.account_id = a.id AND c.number = a.changes
        WHERE (a.floor, a.ceiling, a.frozen, a.closed_at)
              IS DISTINCT FROM (c.floor, c.ceiling, c.frozen, c.closed_at)""",
    "closed accounts hold nothing": """
        SELECT id FROM account WHERE closed_at IS NOT NULL AND (balance <> 0 OR held <> 0)""",
    "periods follow each other": """
        SELECT * FROM (SELECT starts_at, lag(ends_at) OVER (ORDER BY ends_at) AS before FROM period) p
        WHERE starts_at IS DISTINCT FROM before""",
    "each backdated entry is in the totals of its thirteen levels": """
        SELECT e.sequence FROM entry e
        WHERE e.effective_at < e.posted_at AND 13 <> (
            SELECT count(*) FROM backdated_total b WHERE b.account_id = e.account_id AND b.sequence = e.sequence
            AND b.bucket = (extract(epoch FROM e.effective_at) * 1000000)::bigint / power(16, b.level)::bigint)""",
    "totals add up to the backdated entries": """
        SELECT * FROM (
            SELECT b.total,
                   sum(e.amount) OVER (PARTITION BY b.account_id, b.level, b.bucket ORDER BY b.sequence) AS summed
            FROM backdated_total b LEFT JOIN entry e
                 ON e.account_id = b.account_id AND e.sequence = b.sequence AND e.effective_at < e.posted_at) b
        WHERE total IS DISTINCT FROM summed""",
}
_CLOSED = """
SELECT md5(coalesce(string_agg(e.account_id || e.transfer_id::text || e.amount || e.effective_at, '|'
                               ORDER BY e.effective_at, e.sequence, e.amount), ''))
FROM entry e WHERE e.effective_at < $1
"""


async def broken_rules(connection: Connection) -> list[str]:
    """Return each broken rule with the first rows that break it; none is the proof."""
    found = []
    for rule, query in RULES.items():
        rows = await connection.fetch(query)
        if rows:
            found.append(f"{rule}: {len(rows)} not, such as {[tuple(row) for row in rows[:3]]}")
    return found


async def closed_books(connection: Connection, until: object) -> str:
    """Return the digest of all entries before an instant."""
    return str(await connection.fetchval(_CLOSED, until))
