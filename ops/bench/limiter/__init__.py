"""`ledgerlink bench limiter`: the rate limits of the gateway, from many processes at once."""
