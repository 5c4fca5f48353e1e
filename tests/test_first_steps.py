"""Whoever begins can type what documents and messages say: `ledgerlink` is on PATH before they are told to type it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ON_PATH = 'export PATH="$PWD/.venv/bin:$PATH"'
PLANTED = f"```sh\nledgerlink up\n```\n```sh\n{ON_PATH}\n```"


def _typed(text: str) -> list[str]:
    return [
        line
        for block in re.findall(r"^```sh.*?\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        for line in block.splitlines()
    ]


def _is_on_path_in_time(text: str) -> bool:
    typed = _typed(text)
    return typed.index(ON_PATH) < next(n for n, line in enumerate(typed) if line.startswith("ledgerlink "))


@pytest.mark.parametrize("document", ["README.md", "docs/guides/quick-start.md"])
def test_who_begins_is_told_first_how_the_command_is_found(document: str) -> None:
    assert _is_on_path_in_time((ROOT / document).read_text())


def test_too_late_is_noticed() -> None:
    assert not _is_on_path_in_time(PLANTED)


def test_the_command_has_one_way_to_be_typed() -> None:
    """`uv run ledgerlink` is what makes the environment: the very first command, and nothing after it."""
    texts = {path.relative_to(ROOT).as_posix(): path.read_text() for path in (ROOT / "docs" / "guides").glob("*.md")}
    others = {
        path: line
        for path, text in (texts | {"README.md": (ROOT / "README.md").read_text()}).items()
        for line in text.splitlines()
        if "uv run ledgerlink" in line and not line.startswith("pip install uv && ")
    }
    assert others == {}
