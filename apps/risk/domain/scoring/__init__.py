"""A model's score of a payment: learned from labelled history, computed in plain Python, explained by its features."""
