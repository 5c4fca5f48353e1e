"""Measures risk from request to reply: as the payments service asks it, through the broker."""
