"""What crosses rooms, and the real servers that every room's tests use."""
