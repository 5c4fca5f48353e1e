"""The life of a payment or a message, from what the services keep of it: no collector of traces is needed."""
