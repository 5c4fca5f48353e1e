"""Features: what is known of a payment when it is decided about, and how it is kept up."""
