"""The stack as a library: data that survives, processes that are stopped and killed by name."""

from pathlib import Path

import asyncpg
import nats
import pytest
from nats.js.api import StreamConfig

from contracts.topology import inbox_prefix
from ops.stack.errors import StackError
from ops.stack.stack import SERVERS, Stack


async def _stored_streams(stack: Stack) -> int:
    seed = stack.parts.secrets.nats_seeds["provisioner"].get_secret_value()
    prefix = inbox_prefix("provisioner").encode()
    connection = await nats.connect(stack.parts.nats.url, nkeys_seed_str=seed, inbox_prefix=prefix)
    jetstream = connection.jetstream()
    await jetstream.add_stream(StreamConfig(name="KEPT", subjects=["kept.>"]))
    stored = len(await jetstream.streams_info())
    await connection.close()
    return stored


async def test_data_and_ports_survive_and_fresh_forgets(data_dir: Path) -> None:
    async with Stack(data_dir, only=SERVERS) as stack:
        url, ports = stack.parts.postgres.owner_url("wallet"), stack.parts.ports
        owner = await asyncpg.connect(url)
        await owner.execute("CREATE TABLE kept (id int)")
        await owner.close()
    async with Stack(data_dir, only=SERVERS) as stack:
        assert (stack.parts.postgres.owner_url("wallet"), stack.parts.ports) == (url, ports)
        owner = await asyncpg.connect(url)
        assert await owner.fetch("SELECT id FROM kept") == []
        await owner.close()
    async with Stack(data_dir, only=SERVERS, fresh=True) as stack:
        owner = await asyncpg.connect(stack.parts.postgres.owner_url("wallet"))
        assert await owner.fetchval("SELECT to_regclass('kept')") is None
        await owner.close()


async def test_processes_stop_start_and_die_by_name(data_dir: Path) -> None:
    async with Stack(data_dir, only=SERVERS) as stack:
        first = stack.pid("nats")
        await stack.kill_process("nats")
        await stack.healthy("nats")
        assert stack.pid("nats") != first
        await stack.stop_process("nats")
        with pytest.raises(StackError, match="nats does not run"):
            stack.pid("nats")
        await stack.start_process("nats")
        assert stack.pid("nats")
        await stack.kill_process("valkey", restart=False)
        with pytest.raises(StackError, match="valkey does not run"):
            stack.pid("valkey")


async def test_jetstream_is_wiped_only_while_nats_is_down(data_dir: Path) -> None:
    async with Stack(data_dir, only=SERVERS) as stack:
        await _stored_streams(stack)
        with pytest.raises(StackError, match="NATS runs"):
            stack.wipe_jetstream()
        await stack.stop_process("nats")
        stack.wipe_jetstream()
        await stack.start_process("nats")
        assert await _stored_streams(stack) == 1


async def test_secrets_are_private(data_dir: Path) -> None:
    async with Stack(data_dir, only=("valkey",)):
        for name in ("secrets.json", "state.json", "ports.json", "valkey/valkey.conf"):
            assert (data_dir / name).stat().st_mode & 0o077 == 0, name
