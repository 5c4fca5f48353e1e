"""How LedgerLink is shipped: its image, and what it runs on."""
