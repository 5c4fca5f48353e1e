"""The shell commands of the documents that run as they stand: fenced blocks whose info string is `sh runnable`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
MARK = "sh runnable"
GATEWAY = re.compile(r"http://(?:localhost|127\.0\.0\.1):8080\b")
"""Where a reader's gateway listens, as the documents write it."""


@dataclass(frozen=True)
class Block:
    """One fenced block: its document's path from the root, the line of its fence, and its commands."""

    document: str
    line: int
    commands: str

    @property
    def place(self) -> str:
        """Where a person finds it."""
        return f"{self.document}:{self.line}"


def blocks(text: str, document: str) -> list[Block]:
    """Return the runnable blocks of a document, in order."""
    fences = [token for token in MarkdownIt().parse(text) if token.type == "fence" and token.info.strip() == MARK]
    return [Block(document, token.map[0] + 1, token.content) for token in fences if token.map]


def documents() -> list[str]:
    """Return the paths of all documents, from the root: the README first, as the others go on in its shell."""
    guides = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
    return ["README.md", "CONTRIBUTING.md", "SECURITY.md", *guides]


def script(blocks: Sequence[Block], url: str) -> str:
    """Return one bash script of all blocks, for the gateway at `url`: each is announced, the first failure ends it.

    What the README sets holds in all that follows; of the other documents each has a subshell.
    """
    lines = ["set -euo pipefail"]
    for document in dict.fromkeys(block.document for block in blocks):
        own = [line for b in blocks if b.document == document for line in (f"echo; echo '# {b.place}'", b.commands)]
        lines += own if document == "README.md" else ["(", *own, ")"]
    return GATEWAY.sub(url, "\n".join(lines))
