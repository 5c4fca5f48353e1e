"""The HTTP edge: turns requests into commands and queries, and their outcomes into answers. Owns no database."""
