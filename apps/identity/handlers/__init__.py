"""What changes identity's state. Registration carries a secret, so it comes as a request, never through a stream."""
