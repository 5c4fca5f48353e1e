"""Rule sets: the language of rules, the documents that hold them, and what they decide."""
