"""Measures the ledger through its real handler path, apart from HTTP and the broker."""
