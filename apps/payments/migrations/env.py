from apps.payments.models import metadata
from outbox.migrate import run_migrations

run_migrations(metadata)
