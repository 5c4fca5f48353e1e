"""What a killed session left is found and ended although its servers still write."""

import itertools
import threading
from pathlib import Path

from tests.server_directory import state_files

LOOKS = 300


def test_the_state_of_what_ran_is_found_while_its_servers_make_and_delete_directories(tmp_path: Path) -> None:
    (tmp_path / "state.json").touch()
    (tmp_path / "town").mkdir()
    (tmp_path / "town/postgres.state.json").touch()
    ended = threading.Event()
    server = threading.Thread(target=_make_and_delete, args=(tmp_path, ended))
    server.start()
    try:
        found = [{path.relative_to(tmp_path).as_posix() for path in state_files(tmp_path)} for _ in range(LOOKS)]
    finally:
        ended.set()
        server.join()
    assert found == [{"state.json", "town/postgres.state.json"}] * LOOKS


def _make_and_delete(directory: Path, ended: threading.Event) -> None:
    for number in itertools.count():
        if ended.is_set():
            return
        database = directory / str(number)
        database.mkdir()
        database.rmdir()
