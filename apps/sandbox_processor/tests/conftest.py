"""One process for the tests that only ask, and new ones for those that kill."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.sandbox_processor.tests.receiver import Receiver
from apps.sandbox_processor.tests.sandbox import Client, Sandbox


@pytest.fixture(scope="session")
def shared_receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory, shared_receiver: Receiver) -> Iterator[Sandbox]:
    running = Sandbox(tmp_path_factory.mktemp("sandbox"), shared_receiver.url).start()
    yield running
    running.stop()


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    client = sandbox.client()
    yield client
    client.http.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def own_sandbox(tmp_path: Path) -> Iterator[Callable[..., Sandbox]]:
    made: list[Sandbox] = []

    def make(webhook_url: str, **settings: Any) -> Sandbox:
        directory = tmp_path / str(len(made))
        directory.mkdir()
        made.append(Sandbox(directory, webhook_url, **settings).start())
        return made[-1]

    yield make
    for sandbox in made:
        sandbox.kill()
