"""docs/guides/ledger.md lists every refusal of the ledger, in the order in which the rules are asked."""

import re
from pathlib import Path

import pytest

from apps.wallet.domain.change import ChangeRefusal
from apps.wallet.domain.opening import OpeningRefusal
from apps.wallet.domain.periods import ClosingRefusal
from apps.wallet.domain.refusal import Refusal

GUIDE = Path(__file__).parents[1] / "docs" / "guides" / "ledger.md"
TABLES = [
    ("Of operations", [(r.value, r.detail) for r in Refusal]),
    ("Of opening an account", [(r.value, r.detail) for r in OpeningRefusal]),
    ("Of changing an account", [(r.value, r.detail) for r in ChangeRefusal]),
    ("Of closing a period", [(r.value, r.detail) for r in ClosingRefusal]),
]


@pytest.mark.parametrize(("title", "refusals"), TABLES)
def test_the_guide_lists_every_refusal_in_order(title: str, refusals: list[tuple[str, str]]) -> None:
    sections = dict(re.findall(r"^### (.+)\n((?:(?!#).*\n)*)", GUIDE.read_text(), re.MULTILINE))
    assert re.findall(r"^\| `(\w+)` \| (.+) \|$", sections[title], re.MULTILINE) == refusals
