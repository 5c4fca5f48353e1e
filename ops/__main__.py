"""`python -m ops` is `ledgerlink`: how the supervisor starts the services with its own interpreter."""

from ops.cli import app

app()
