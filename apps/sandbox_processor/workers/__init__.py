"""What goes on without being asked: time passing, and webhooks."""
