"""The operator's room: the `ledgerlink` command and the embedded stack. Nothing imports it."""
