"""A real Prometheus that scrapes a running stack, by the configuration and the rules that are deployed."""

import asyncio
import json
import math
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from ops.stack.ports import HOST, free_port
from tests.waiting import eventually

DEPLOYED = Path(__file__).parents[1] / "deploy" / "prometheus"
SERVER = shutil.which("prometheus") or ""
SCRAPE = "2s"
STOP_SECONDS = 10


class Prometheus:
    """Its HTTP API."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def is_ready(self) -> bool:
        try:
            return (await self._http.get("/-/ready")).is_success
        except httpx.TransportError:
            return False

    async def ask(self, expression: str) -> list[float]:
        """Return an expression's values now, those that are numbers. Raises AssertionError where it is wrong."""
        answer = await self._http.post("/api/v1/query", data={"query": expression})
        told: dict[str, Any] = answer.json()
        assert told["status"] == "success", f"{expression}: {told['error']}"
        assert told["data"]["resultType"] == "vector", expression
        values = [float(series["value"][1]) for series in told["data"]["result"]]
        return [value for value in values if not math.isnan(value)]


@asynccontextmanager
async def scraping(ports: dict[str, int], directory: Path) -> AsyncIterator[Prometheus]:
    """Run Prometheus until the end; `ports` are those of the processes, by the names of the deployed jobs."""
    configuration = yaml.safe_load((DEPLOYED / "prometheus.yml").read_text())
    configuration["global"] = dict.fromkeys(configuration["global"], SCRAPE)
    configuration["rule_files"] = [str(DEPLOYED / name) for name in configuration["rule_files"]]
    for job in configuration["scrape_configs"]:
        job["static_configs"] = [{"targets": [f"{HOST}:{ports[job['job_name']]}"]}]
    file = directory / "prometheus.json"
    file.write_text(json.dumps(configuration))  # JSON is YAML
    address = f"{HOST}:{free_port()}"
    arguments = [
        f"--config.file={file}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address={address}",
    ]
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([SERVER, *arguments], stdout=log, stderr=log)  # noqa: ASYNC220, S603
    try:
        async with httpx.AsyncClient(base_url=f"http://{address}", timeout=20) as http:
            prometheus = Prometheus(http)
            await eventually("Prometheus is ready", prometheus.is_ready)
            yield prometheus
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, STOP_SECONDS)
