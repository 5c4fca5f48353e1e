"""`python -m deploy.release_notes v1.2.3`: the change log's section of a version. Of the standard library alone."""

import argparse
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Write the notes; exit with 1 where tag, project and change log do not agree."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tag")
    tag = parser.parse_args().tag
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    if tag != f"v{version}":
        raise SystemExit(f"the tag is {tag}, but pyproject.toml says {version}")
    sys.stdout.write(notes((ROOT / "CHANGELOG.md").read_text(), version))


def notes(changelog: str, version: str) -> str:
    """Return what is below a version's heading, `## 1.2.3` or `## 1.2.3 - 2026-01-31`. Raises SystemExit."""
    heading = rf"^## {re.escape(version)}(?: [^\n]*)?$"
    found = re.search(rf"{heading}\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if found is None or not found[1].strip():
        raise SystemExit(f"CHANGELOG.md says nothing of {version}: name its section `## {version}`")
    return found[1].strip() + "\n"


if __name__ == "__main__":
    main()
