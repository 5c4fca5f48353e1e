"""A stand-in for a card network: an outside company with an HTTP API, which knows nothing of LedgerLink."""
