"""docs/adr: every decision is in the index under its title, has a number of its own, and says what it must."""

import re
from pathlib import Path

import pytest

DECISIONS = Path(__file__).parents[1] / "docs" / "adr"
INDEX = DECISIONS / "README.md"
FILES = sorted(path for path in DECISIONS.glob("*.md") if path != INDEX)


def test_the_index_lists_every_decision_in_order() -> None:
    listed = re.findall(r"^- \[(.+)\]\((.+)\)$", INDEX.read_text(), re.MULTILINE)
    titles = [path.read_text().splitlines()[0].removeprefix("# ") for path in FILES]
    assert listed == [(title, path.name) for title, path in zip(titles, FILES, strict=True)]


def test_no_two_decisions_have_one_number() -> None:
    numbers = [path.name[:4] for path in FILES]
    assert sorted(set(numbers)) == numbers


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_decision_says_what_it_must(path: Path) -> None:
    title, *rest = path.read_text().splitlines()
    assert title.startswith(f"# {int(path.name[:4])}. ")
    assert re.findall(r"^\*\*(Context|Decision|Consequences)\.\*\*", "\n".join(rest), re.MULTILINE) == [
        "Context",
        "Decision",
        "Consequences",
    ]
