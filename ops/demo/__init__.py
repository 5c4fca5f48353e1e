"""`ledgerlink demo`: a payment, a decline and a repetition on a stack of its own, and proof that the books balance."""
