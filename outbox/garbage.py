"""Garbage collection for work in batches: thousands of objects at once, nearly all of which end with their batch."""

import gc

_THRESHOLDS = 50_000, 20, 50


def collect_rarely() -> None:
    """Leave out what was loaded so far, and look for cycles a hundredth as often.

    At Python's own thresholds a batch of a thousand messages is searched over and over while it is being handled:
    measured as a quarter of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
