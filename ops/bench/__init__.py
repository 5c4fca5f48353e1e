"""Measures the whole system from outside; nothing here is needed to run it."""
