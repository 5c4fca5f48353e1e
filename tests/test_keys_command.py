"""`ledgerlink keys` on a running stack, and on none."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ops.cli import app
from ops.stack.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _keys(command: str, data_dir: Path, *options: str) -> Result:
    arguments = ["keys", command, "--data-dir", str(data_dir), *options]
    return await asyncio.to_thread(CliRunner().invoke, app, arguments)


async def _listed(data_dir: Path) -> list[dict[str, Any]]:
    result = await _keys("list", data_dir, "--json")
    assert result.exit_code == 0, result.output
    keys: list[dict[str, Any]] = json.loads(result.output)["keys"]
    return keys


async def test_an_operator_rotates_the_signing_key(stack: Stack) -> None:
    data_dir = stack.layout.root
    before = await _listed(data_dir)
    rotated = await _keys("rotate", data_dir)
    assert rotated.exit_code == 0, rotated.output
    after = await _listed(data_dir)
    assert rotated.output.startswith(after[0]["kid"])
    assert [key["kid"] for key in after[1:]] == [key["kid"] for key in before]
    shown = await _keys("list", data_dir)
    assert all(key["kid"][:8] in shown.output for key in after)


async def test_where_nothing_runs_it_says_so(tmp_path: Path) -> None:
    result = await _keys("rotate", tmp_path)
    assert result.exit_code == 1
    assert "nothing runs on" in str(result.exception)
