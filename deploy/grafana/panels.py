"""Panels and dashboards, and their JSON as Grafana 12 reads it (grafana.com/docs, "Dashboard JSON model")."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

DATA_SOURCE = {"type": "prometheus", "uid": "prometheus"}
"""As in provisioning/datasources."""
WINDOW = "$__rate_interval"
"""Grafana's: as long as a point on the screen, and never shorter than four scrapes."""
COLUMNS = 24
WIDTH, HEIGHT = 8, 8
STAT_HEIGHT = 4


@dataclass(frozen=True)
class Query:
    """An expression of PromQL, and how each series of its answer is called."""

    expression: str
    legend: str = ""


def per_second(metric: str, *by: str, where: str = "") -> Query:
    """Return how often a counter counts, summed by labels."""
    return Query(f"sum{_by(by)}(rate({metric}{_where(where)}[{WINDOW}]))", _legend(by))


def last_day(metric: str, *by: str, where: str = "") -> Query:
    """Return what a counter has counted within a day."""
    return Query(f"sum{_by(by)}(increase({metric}{_where(where)}[1d]))", _legend(by))


def largest(metric: str, *by: str, where: str = "") -> Query:
    """Return a gauge, the largest of all processes, by labels."""
    return Query(f"max{_by(by)}({metric}{_where(where)})", _legend(by))


def total(metric: str, *by: str, where: str = "") -> Query:
    """Return a gauge, summed over all processes, by labels."""
    return Query(f"sum{_by(by)}({metric}{_where(where)})", _legend(by))


def quantile(share: float, histogram: str, *by: str, where: str = "") -> Query:
    """Return the value that a share of a histogram's observations is below, by labels."""
    buckets = f"sum{_by((*by, 'le'))}(rate({histogram}_bucket{_where(where)}[{WINDOW}]))"
    return Query(f"histogram_quantile({share}, {buckets})", f"{_legend(by)} p{share * 100:g}".strip())


def mean(histogram: str, *by: str, where: str = "") -> Query:
    """Return the mean of a histogram's observations, by labels."""
    counts = (f"sum{_by(by)}(rate({histogram}_{part}{_where(where)}[{WINDOW}]))" for part in ("sum", "count"))
    return Query(" / ".join(counts), _legend(by))


@dataclass(frozen=True)
class Panel:
    """Lines over time, or with `stat` the newest value as a number."""

    title: str
    unit: str
    queries: tuple[Query, ...]
    stat: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width in columns, and height."""
        return (WIDTH // 2, STAT_HEIGHT) if self.stat else (WIDTH, HEIGHT)


def lines(title: str, unit: str, *queries: Query) -> Panel:
    """Return a panel of lines; `unit` is one of Grafana's (reqps, s, percentunit, short, bytes …)."""
    return Panel(title, unit, queries)


def stat(title: str, unit: str, query: Query) -> Panel:
    """Return a panel that is one number."""
    return Panel(title, unit, (query,), stat=True)


@dataclass(frozen=True)
class Dashboard:
    """A page of panels; numbers come first."""

    name: str
    title: str
    panels: tuple[Panel, ...]

    def json(self) -> dict[str, Any]:
        """Return what Grafana reads."""
        return {
            "uid": f"ledgerlink-{self.name}",
            "title": self.title,
            "tags": ["ledgerlink"],
            "schemaVersion": 41,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "10s",
            "time": {"from": "now-1h", "to": "now"},
            "links": [{"type": "dashboards", "tags": ["ledgerlink"], "title": "LedgerLink", "keepTime": True}],
            "panels": [_panel(n, place, panel) for n, (place, panel) in enumerate(_placed(self.panels), start=1)],
        }


def _placed(panels: Iterable[Panel]) -> Iterator[tuple[dict[str, int], Panel]]:
    """Lay panels out in lines from the left; those of one line have one height."""
    x = y = line = 0
    for panel in panels:
        width, height = panel.size
        if x + width > COLUMNS or (line and height != line):
            x, y = 0, y + line
        yield {"x": x, "y": y, "w": width, "h": height}, panel
        x, line = x + width, height


def _panel(number: int, place: dict[str, int], panel: Panel) -> dict[str, Any]:
    return {
        "id": number,
        "type": "stat" if panel.stat else "timeseries",
        "title": panel.title,
        "datasource": DATA_SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + n), "expr": query.expression, "legendFormat": query.legend}
            for n, query in enumerate(panel.queries)
        ],
    }


def _by(labels: Iterable[str]) -> str:
    return f" by ({', '.join(named)}) " if (named := tuple(labels)) else ""


def _where(condition: str) -> str:
    return f"{{{condition}}}" if condition else ""


def _legend(labels: Iterable[str]) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in labels)
