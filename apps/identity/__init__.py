"""The identity service: who a user is, the password that proves it, and the access tokens that say so to others."""
