"""One file per `ledgerlink` command; each imports what it needs only when it is called."""
