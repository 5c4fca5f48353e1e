"""Answers requests that change something: each in one transaction, with what is to be said of it."""
