"""What recording traces costs."""
