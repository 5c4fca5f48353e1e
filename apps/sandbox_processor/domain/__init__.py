"""What the network decides, in memory: no I/O, no framework."""
