"""docs/README.md leads to every document."""

import re

from tests.runnable_documents import ROOT, documents

DOCS = ROOT / "docs"
INDEXED_ELSEWHERE = ("docs/adr/", "docs/runbooks/")
"""Their own README lists them (test_decisions, test_runbooks)."""


def test_the_index_leads_to_every_document() -> None:
    linked = {
        (DOCS / target).resolve() for target in re.findall(r"\]\(([\w./-]+\.md)\)", (DOCS / "README.md").read_text())
    }
    there = {ROOT / path for path in documents()[1:] if not path.startswith(INDEXED_ELSEWHERE)}
    assert there - {DOCS / "README.md"} <= linked
