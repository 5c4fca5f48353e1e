"""Every SQL statement of risk, by what it is about."""
