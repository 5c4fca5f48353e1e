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
        settings = {
            "bind": HOST,
            "port": str(self.port),
            "dir": _quoted(str(self.directory)),
            "requirepass": self.password.get_secret_value(),
            "appendonly": "no",
            "save": '""',
            **MEMORY,
        }
        write_private(self._config_file, "".join(f"{name} {value}\n" for name, value in settings.items()))

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
