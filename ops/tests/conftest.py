"""Data directories for stacks of one test."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def data_dir() -> Iterator[Path]:
    # Not pytest's own temporary directory: that is closed to PostgreSQL's user when the tests run as root.
    with tempfile.TemporaryDirectory(prefix="ledgerlink-stack-") as directory:
        yield Path(directory) / "data"
