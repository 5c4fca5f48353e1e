"""The rules of identity: accounts, scopes, passwords, and the shape of an access token."""
