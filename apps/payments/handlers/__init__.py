"""Everything that is heard becomes signals; `signals` gives them to the machine and saves what comes of it."""
