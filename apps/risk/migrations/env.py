"""Runs this room's migrations."""

from apps.risk.models import metadata
from outbox.migrate import run_migrations

run_migrations(metadata)
