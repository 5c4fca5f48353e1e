"""The Prefer header, by table."""

import pytest

from gateway.preferences import Preferences, preferences

DEFAULT = Preferences(5.0, respond_async=False, applied=None)
TABLE = [
    (None, DEFAULT),
    ("", DEFAULT),
    ("wait=10", Preferences(10.0, respond_async=False, applied="wait=10")),
    ("Wait = 10", Preferences(10.0, respond_async=False, applied="wait=10")),
    ('wait="10"', Preferences(10.0, respond_async=False, applied="wait=10")),
    ("wait=9999", Preferences(30.0, respond_async=False, applied="wait=30")),
    ("wait=0", Preferences(5.0, respond_async=True, applied="wait=0")),
    ("respond-async, wait=0", Preferences(5.0, respond_async=True, applied="wait=0")),
    ("wait=-1", DEFAULT),
    ("wait=1.5", DEFAULT),
    ("wait=٣", DEFAULT),
    ("wait", DEFAULT),
    ("respond-async", Preferences(5.0, respond_async=True, applied="respond-async")),
    ("Respond-Async; x=1", Preferences(5.0, respond_async=True, applied="respond-async")),
    ("respond-async, wait=2", Preferences(2.0, respond_async=False, applied="wait=2")),
    ("return=minimal, handling=strict", DEFAULT),
]


@pytest.mark.parametrize(("header", "expected"), TABLE)
def test_prefer(header: str | None, expected: Preferences) -> None:
    assert preferences(header, 5.0) == expected
