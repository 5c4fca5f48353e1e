"""Who reads what of which message, as Pact V4 files in contracts/pacts; `python -m tests.pacts` writes them."""
