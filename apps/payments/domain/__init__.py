"""The rules of a payment's life: pure functions of (state, message), no I/O, no framework."""
