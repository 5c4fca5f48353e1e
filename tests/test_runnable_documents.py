"""What the documents tell a reader to type works: their runnable blocks, in order, against a fresh stack."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from ops.stack.stack import Stack
from tests.runnable_documents import GATEWAY, ROOT, Block, blocks, documents, script

DEADLINE = 240.0
TOLD = 4000  # characters of the end of what was printed
GUIDE = """# A guide

```sh runnable
true
```

```sh
exit 7
```

```sh runnable
{commands}
echo unseen
```
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reader(_servers_directory: Path) -> AsyncIterator[Stack]:
    """What `ledgerlink up` starts for a reader, who types in the directory that holds `.ledgerlink`."""
    async with Stack(_servers_directory / "reader" / ".ledgerlink", durable=False) as stack:
        yield stack


async def _typed(stack: Stack, told: list[Block]) -> tuple[int, str]:
    """Type the blocks into one shell; return its exit code and what it said. A refused request is a failure, too."""
    directory = stack.layout.root.parent
    (directory / ".curlrc").write_text("fail-with-body\nshow-error\n")
    environment = os.environ | {
        "CURL_HOME": str(directory),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "UV_PROJECT": str(ROOT),
        "UV_NO_SYNC": "1",
    }
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-c", script(told, stack.url)),
        cwd=directory,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(DEADLINE):
            output, _ = await shell.communicate()
    finally:
        if shell.returncode is None:
            shell.kill()
            await shell.wait()
    return shell.returncode or 0, output.decode()


def _places(output: str) -> list[str]:
    return [line.removeprefix("# ") for line in output.splitlines() if line.startswith("# ")]


@pytest.mark.asyncio(loop_scope="module")
async def test_all_that_the_documents_say_to_type_works(reader: Stack) -> None:
    told = [block for path in documents() for block in blocks((ROOT / path).read_text(), path)]
    code, output = await _typed(reader, told)
    assert code == 0, output[-TOLD:]
    assert _places(output) == [block.place for block in told]


@pytest.mark.parametrize("commands", ["false", "no_such_command", "curl -s http://localhost:8080/v1/wallets"])
@pytest.mark.asyncio(loop_scope="module")
async def test_a_block_that_fails_is_named(reader: Stack, commands: str) -> None:
    text = GUIDE.format(commands=commands)
    code, output = await _typed(reader, blocks(text, "docs/guide.md"))
    assert code not in {0, 7}
    assert _places(output) == ["docs/guide.md:3", "docs/guide.md:11"]
    assert "unseen" not in output


def test_no_document_names_a_gateway_that_is_not_replaced() -> None:
    told = [block for path in documents() for block in blocks((ROOT / path).read_text(), path)]
    assert {block.document for block in told} >= {"README.md"}
    assert ":8080" not in GATEWAY.sub("", "\n".join(block.commands for block in told))
