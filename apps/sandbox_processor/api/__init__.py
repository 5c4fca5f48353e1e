"""The HTTP API, and the page on which customers authenticate."""
