"""The rules of the ledger: pure functions from the books and a request to postings or a named refusal."""
