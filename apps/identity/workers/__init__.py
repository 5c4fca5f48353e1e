"""What identity does beside answering: sending messages to users."""
