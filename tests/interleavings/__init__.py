"""A seeded world: the real services on real databases, and a clock, a transport and crashes that a seed decides about.

Nothing here is a model of a service. What a seed plays is what is around them: which messages come when, how often and
in which order, what clients ask, what processors do, where a process dies, and how time passes.
"""
