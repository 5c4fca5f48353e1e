"""What risk is asked to do: one file per command."""
