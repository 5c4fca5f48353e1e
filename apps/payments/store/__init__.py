"""Every SQL statement of the payments service: rows in, rows out, always a batch at once."""
