"""The embedded Valkey: rate limits and nothing that must last, so it keeps nothing on disk."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from ops.stack import binaries
from ops.stack.component import Component
from ops.stack.ports import HOST
from ops.stack.private_files import write_private

# Full memory must not turn into refused requests: the oldest counters go first.
MEMORY = {"maxmemory": "128mb", "maxmemory-policy": "allkeys-lru"}
LONGEST_ANSWER = 512


def configuration(address: str, port: int, directory: str, password: SecretStr) -> str:
    """Return the server's configuration; `address` is where it listens."""
    settings = {
        "bind": address,
        "port": str(port),
        "dir": _quoted(directory),
        "requirepass": password.get_secret_value(),
        "appendonly": "no",
        "save": '""',
        **MEMORY,
    }
    return "".join(f"{name} {value}\n" for name, value in settings.items())


@dataclass(frozen=True, slots=True)
class Valkey:
    """One Valkey server on this machine."""

    directory: Path
    port: int
    password: SecretStr

    @property
    def url(self) -> str:
        """The URL that clients connect to, which holds the password."""
        return f"redis://:{self.password.get_secret_value()}@{HOST}:{self.port}/0"

    def component(self) -> Component:
        """Return how the supervisor runs it."""
        return Component(
            name="valkey",
            argv=(str(binaries.valkey_server()), str(self._config_file)),
            probe=self._probe,
            port=self.port,
            prepare=self.prepare,
        )

    async def prepare(self) -> None:
        """Write the configuration."""
        self.directory.mkdir(parents=True, exist_ok=True)
        write_private(self._config_file, configuration(HOST, self.port, str(self.directory), self.password))

    @property
    def _config_file(self) -> Path:
        return self.directory / "valkey.conf"

    async def _probe(self) -> str | None:
        """Ask it to PING, in its inline protocol (https://valkey.io/topics/protocol/#inline-commands)."""
        reader, writer = await asyncio.open_connection(HOST, self.port)
        try:
            writer.write(f"AUTH {self.password.get_secret_value()}\r\nPING\r\nQUIT\r\n".encode())
            await writer.drain()
            answer = await reader.read(LONGEST_ANSWER)
            while b"PONG" not in answer and (more := await reader.read(LONGEST_ANSWER)):
                answer += more
        finally:
            writer.close()
        return None if b"PONG" in answer else f"answered {answer.decode(errors='replace').strip()}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
