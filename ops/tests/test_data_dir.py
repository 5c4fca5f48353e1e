"""What a data directory remembers, keeps private, and refuses to lose."""

import json
import socket
from pathlib import Path

import pytest

from contracts.topology import USERS
from ops.stack import logs
from ops.stack.errors import StackError
from ops.stack.layout import Layout
from ops.stack.lock import DataDirLock
from ops.stack.ports import HIGHEST, HOST, LOWEST, remembered_ports
from ops.stack.secrets import ROLES, load_or_create


def test_ports_are_remembered_and_distinct(tmp_path: Path) -> None:
    first = remembered_ports(tmp_path / "ports.json", ("nats", "valkey"), given={})
    assert remembered_ports(tmp_path / "ports.json", ("nats", "valkey"), given={}) == first
    assert len(set(first.values())) == 2
    assert all(LOWEST <= port <= HIGHEST for port in first.values())


def test_a_remembered_port_that_is_taken_is_replaced(tmp_path: Path) -> None:
    first = remembered_ports(tmp_path / "ports.json", ("nats", "valkey"), given={})
    with socket.create_server((HOST, first["nats"])):
        second = remembered_ports(tmp_path / "ports.json", ("nats", "valkey"), given={})
    assert second["nats"] != first["nats"]
    assert second["valkey"] == first["valkey"]


def test_a_given_port_is_taken_as_it_is(tmp_path: Path) -> None:
    first = remembered_ports(tmp_path / "ports.json", ("nats", "gateway"), given={"gateway": 8080})
    assert first["gateway"] == 8080
    second = remembered_ports(tmp_path / "ports.json", ("nats", "gateway"), given={"gateway": first["nats"]})
    assert second["nats"] != first["nats"]


def test_secrets_are_made_once(tmp_path: Path) -> None:
    first = load_or_create(tmp_path / "secrets.json")
    assert load_or_create(tmp_path / "secrets.json") == first
    assert set(first.nats_seeds) == set(USERS)
    assert set(first.role_passwords) == set(ROLES)
    assert "**" in repr(first)
    assert first.superuser_password.get_secret_value() not in repr(first)


def test_a_new_users_secret_is_added_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = load_or_create(path)
    stored = json.loads(path.read_text())
    del stored["nats_seeds"]["risk"]
    path.write_text(json.dumps(stored))
    second = load_or_create(path)
    assert second.nats_seeds["wallet"] == first.nats_seeds["wallet"]
    assert "risk" in second.nats_seeds


def test_damaged_secrets_are_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    path.write_text("{torn")
    with pytest.raises(StackError, match="is damaged"):
        load_or_create(path)
    assert path.read_text() == "{torn"


def test_wiping_needs_our_mark(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path)
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(StackError, match="not ours to wipe"):
        layout.wipe()
    with pytest.raises(StackError, match="holds other things"):
        layout.create()
    assert (tmp_path / "thesis.txt").exists()


def test_wiping_follows_no_link(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "thesis.txt").write_text("years of work")
    layout = Layout.at(tmp_path / "data")
    layout.create()
    layout.postgres.symlink_to(elsewhere)
    layout.wipe()
    assert not layout.postgres.exists()
    assert (elsewhere / "thesis.txt").exists()


def test_one_lock_at_a_time(tmp_path: Path) -> None:
    first, second = DataDirLock(tmp_path / "lock"), DataDirLock(tmp_path / "lock")
    first.acquire()
    with pytest.raises(StackError, match="already runs"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_logs_are_bounded_under_their_writer(tmp_path: Path) -> None:
    path = tmp_path / "wallet.log"
    with logs.open_log(path) as log:
        log.write(b"old\n" * 100)
        logs.bound(path, limit=100)
        log.write(b"new\n")
    assert path.read_bytes() == b"new\n"
    assert path.with_name("wallet.log.1").read_bytes() == b"old\n" * 100
    assert logs.tail(path) == "new"
