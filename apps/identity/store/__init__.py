"""Every SQL statement of the identity service, a module for each aggregate."""
