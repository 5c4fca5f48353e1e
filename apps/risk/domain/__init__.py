"""The rules of risk: pure functions from what has been seen of a payer to a decision."""
