"""The OAuth 2.1 server's face: forms in, pages, redirects and the standard's own errors out."""
