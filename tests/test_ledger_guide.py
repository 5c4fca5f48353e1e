"""docs/guides/ledger.md lists every refusal of the ledger, in the order in which the rules are asked."""

import re
from pathlib import Path

from apps.wallet.domain.refusal import Refusal

GUIDE = Path(__file__).parents[1] / "docs" / "guides" / "ledger.md"


def test_the_guide_lists_every_refusal_in_order() -> None:
    _, _, refusals = GUIDE.read_text().partition("## Refusals")
    assert re.findall(r"^\| `(\w+)` \| (.+) \|$", refusals, re.MULTILINE) == [(r.value, r.detail) for r in Refusal]
