"""The messages of today keep what was released of them; and a real message that does not is caught."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from contracts.catalogue import catalogue
from contracts.compatibility import breaks
from ops.cli import app
from ops.commands.contracts import RELEASED

ROOT = Path(__file__).parents[1]
Json = dict[str, Any]


@pytest.fixture(scope="module")
def released() -> Json:
    content: Json = json.loads((ROOT / RELEASED).read_text())
    return content


def _contracts(command: str, released: Path, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["contracts", command, "--released", str(released), *options])
    return result.exit_code, result.output


def test_nothing_that_was_released_is_broken(released: Json) -> None:
    assert breaks(released, catalogue()) == []


def _once_had_a_note(schemas: Json) -> None:
    schemas["Transfer"]["properties"]["note"] = {"type": "string"}


def _once_had_no_currency(schemas: Json) -> None:
    del schemas["PostTransfer"]["properties"]["currency"]
    schemas["PostTransfer"]["required"].remove("currency")


def _once_took_less(schemas: Json) -> None:
    schemas["GetTransfer"]["properties"]["id"]["format"] = "uuid"


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (_once_had_a_note, "ledgerlink.wallet.transfer.posted.v1: data.transfer.note: is gone"),
        (_once_had_a_note, "ledgerlink.wallet.get_transfer.v1: answer.note: is gone"),
        (_once_had_no_currency, "ledgerlink.wallet.post_transfer.v1: data.currency: is required now"),
        (_once_took_less, "ledgerlink.wallet.get_transfer.v1: data.id: format was uuid, is uuid7"),
    ],
)
def test_a_break_is_named_and_is_not_released(
    plant: Callable[[Json], None], expected: str, released: Json, tmp_path: Path
) -> None:
    promised = json.loads(json.dumps(released))
    plant(promised["schemas"])
    path = tmp_path / "messages.json"
    path.write_text(json.dumps(promised))
    for command in ("check", "release"):
        code, said = _contracts(command, path)
        assert code == 1
        assert expected in said.splitlines()
    assert json.loads(path.read_text()) == promised
    code, said = _contracts("check", path, "--json")
    assert (code, expected in json.loads(said)["breaks"]) == (1, True)


def test_what_is_released_is_what_the_code_says(tmp_path: Path) -> None:
    path = tmp_path / "released" / "messages.json"
    assert _contracts("release", path)[0] == 0
    assert _contracts("release", path)[0] == 0, "what breaks nothing is released over what was"
    assert json.loads(path.read_text()) == json.loads(json.dumps(catalogue()))
    assert _contracts("check", path)[0] == 0
