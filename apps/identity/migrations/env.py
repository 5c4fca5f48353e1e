"""Runs this room's migrations."""

from apps.identity.models import metadata
from outbox.migrate import run_migrations

run_migrations(metadata)
