"""Data directories for stacks of one test."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server_directory import fastest_parent


@pytest.fixture
def data_dir() -> Iterator[Path]:
    # Not pytest's own temporary directory: that is closed to PostgreSQL's user when the tests run as root.
    with tempfile.TemporaryDirectory(prefix="ledgerlink-stack-", dir=fastest_parent()) as directory:
        yield Path(directory) / "data"


@pytest.fixture(autouse=True)
def benches_on_the_fastest_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a bench tells of a disk is not what is tested, and a slow one takes minutes to sync its servers' files."""
    monkeypatch.setattr(tempfile, "tempdir", str(fastest_parent()))
