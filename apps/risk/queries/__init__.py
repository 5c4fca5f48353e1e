"""Answers to read requests: one file per area."""
