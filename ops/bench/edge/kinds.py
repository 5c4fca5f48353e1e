"""What the bench of the edge asks for."""

from enum import StrEnum


class Kind(StrEnum):
    """A kind of request."""

    REFRESH = "refresh"
    READ = "read"
