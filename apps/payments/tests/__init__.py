"""The payments room on a real PostgreSQL; the servers are fixtures of tests.servers."""
