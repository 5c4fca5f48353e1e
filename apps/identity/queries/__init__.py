"""Answers identity's read requests."""
