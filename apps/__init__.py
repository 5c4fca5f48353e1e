"""The services: one room each, none imports another; they meet only through contracts."""
