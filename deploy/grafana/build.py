"""Writes the dashboards' JSON beside this file: `task dashboards`."""

import json
from collections.abc import Mapping
from pathlib import Path

from deploy.grafana.pages import DASHBOARDS

DIRECTORY = Path(__file__).parent / "dashboards"


def files() -> Mapping[str, str]:
    """Return each file's name and content."""
    return {f"{d.name}.json": json.dumps(d.json(), indent=1, ensure_ascii=False) + "\n" for d in DASHBOARDS}


if __name__ == "__main__":
    for name, content in files().items():
        (DIRECTORY / name).write_text(content)
